#include "apps/sweep/sweep_runner.h"

#include <omp.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "apps/exit_status.h"
#include "apps/sweep/sweep_jobs.h"
#include "base/files.h"
#include "base/stopwatch.h"
#include "base/terminal/printable.h"
#include "base/terminal/shell_words.h"
#include "base/terminal/standard_files.h"
#include "train/log/run_log.h"
#include "train/run/interrupt.h"

namespace skein {
namespace {

// "lr=0.1_sync=local-H=4/seed-0"
std::string name_of(const SweepRun& run, const std::string& sweep) {
  return std::filesystem::path(run.folder).lexically_relative(sweep).string();
}

size_t size_of(const std::string& file) {
  std::error_code none;
  const auto size = std::filesystem::file_size(file, none);
  return none ? 0 : size_t(size);
}

// Threads of each run.
std::vector<std::string> thread_flags(int64_t jobs, bool given, const SweepProgress& progress) {
  const int64_t cores = omp_get_num_procs();
  if (jobs > cores)
    progress.say("note     --jobs {}: this machine has {} for them, so each run is slower", jobs,
                 counted(cores, "core"));
  if (jobs <= 1 || given) return {};
  return {fmt::format("--threads={}", std::max(int64_t{1}, cores / jobs))};
}

}  // namespace

void SweepProgress::say_text(const std::string& line) const {
  if (to_stdout_)
    report("{}\n", line);
  else
    std::fputs((line + "\n").c_str(), stderr);
}

void SweepProgress::say_command(std::string_view label, const std::vector<std::string>& words) const {
  if (to_stdout_)
    report_command(label, words);
  else
    fmt::print(stderr, "{:<8} {}\n", label, shell_words(words));
}

bool is_done(const std::string& folder) {
  return is_run_folder(folder) && read_run_log(folder).status == RunStatus::done;
}

std::string last_error(const std::string& log, size_t begin) {
  const std::string whole = read_text(log), text = "\n" + whole.substr(std::min(begin, whole.size()));
  constexpr std::string_view kSays = "\nskein: ";
  const size_t at = text.rfind(kSays);
  if (at == std::string::npos) return "";
  const size_t message = at + kSays.size();
  return text.substr(message, text.find('\n', message) - message);
}

SweepOutcome train_runs(const std::vector<SweepRun>& runs, const std::string& folder, int64_t at_once,
                        bool threads_given, const SweepProgress& progress) {
  const std::vector<std::string> threads = thread_flags(at_once, threads_given, progress);
  std::vector<SweepJob> jobs;
  for (const SweepRun& run : runs) {
    SweepJob job{run.arguments, run.folder + ".log"};
    job.arguments.insert(job.arguments.end(), threads.begin(), threads.end());
    std::filesystem::create_directories(std::filesystem::path(run.folder).parent_path());
    jobs.push_back(job);
  }
  SweepOutcome outcome;
  std::vector<size_t> begin(jobs.size());  // of this attempt in its log
  const auto on_start = [&](size_t i) {
    begin[i] = size_of(jobs[i].log);
    progress.say("start    {}/{}  {}", i + 1, runs.size(), name_of(runs[i], folder));
  };
  const auto on_end = [&](size_t i, int status) {
    const std::string name = name_of(runs[i], folder);
    if (status == kDone && is_done(runs[i].folder)) {
      const EpochLog last = read_run_log(runs[i].folder).epochs.back();
      progress.say("done     {}: {:.2f} % in {}", name, last.test_top1, format_duration(last.seconds));
    } else if (Interrupt::signal() != 0 && status == kStoppedBySignal + Interrupt::signal()) {
      ++outcome.stopped;
      progress.say("stopped  {}", name);
    } else {
      ++outcome.failed;
      const std::string error = last_error(jobs[i].log, begin[i]);
      progress.say("failed   {} with status {}: {}; all of it: {}", name, status,
                   error.empty() ? "it has printed no message" : error, jobs[i].log);
    }
  };
  run_jobs(jobs, std::max(int64_t{1}, at_once), on_start, on_end);
  outcome.signal = Interrupt::signal();
  return outcome;
}

}  // namespace skein
