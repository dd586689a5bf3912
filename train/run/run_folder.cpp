#include "train/run/run_folder.h"

#include <fmt/chrono.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <sstream>
#include <vector>

#include "base/check.h"
#include "base/partial_file.h"
#include "base/terminal/shell_words.h"
#include "base/terminal/standard_files.h"
#include "comm/secret.h"
#include "train/log/log_scalars.h"
#include "train/log/prometheus.h"
#include "train/machine/version.h"
#include "train/run/checkpoint.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

constexpr std::chrono::seconds kFlush{1};
constexpr std::chrono::seconds kExport{15};  // the usual time between two scrapes of Prometheus
constexpr int64_t kAcross = 8;               // pictures in a row

constexpr const char kSummaryHeader[] =
    "epoch,step,lr,train_loss,train_top1,test_loss,test_top1,test_top5,img_per_s,seconds";

std::string default_path(const TrainConfig& config) {
  fs::path data = fs::path(config.data).lexically_normal();
  if (!data.has_filename()) data = data.parent_path();  // "DIR/"
  const std::string path = fmt::format("runs/{:%Y-%m-%d-%H%M%S}-{}-{}", fmt::localtime(std::time(nullptr)),
                                       config.model, data.stem().string());
  return path;
}

// Makes a new folder of this name, or of the name with a number. mkdir() makes it for one process only.
std::string make_new_folder(const std::string& path) {
  const fs::path parent = fs::path(path).parent_path();
  if (!parent.empty()) fs::create_directories(parent);
  std::string unused = path;
  for (int i = 2; !fs::create_directory(unused); ++i) unused = fmt::format("{}-{}", path, i);
  return unused;
}

// Files that processes hold locks on: they stay where they are.
bool is_lock(const std::string& name) { return name == "run.lock" || name == "members.lock"; }

// The names of a run's own files, and of those that are being written or were when a program was killed.
bool is_of_a_run(const std::string& name) {
  for (const char* own : {"config.toml", "version.txt", "summary.csv", "metrics.jsonl", "evaluation.json",
                          "metrics.prom", "membership.jsonl", "chair.json", "run.lock", "members.lock", "checkpoints"})
    if (name == own || (name.starts_with(own) && is_partial(name))) return true;
  return name.starts_with(kEventFilePrefix);
}

// Moves a run's files to attempt-1, attempt-2 ... The lock stays: this process holds it.
void keep_attempt(const std::string& run) {
  int number = 1;
  while (!fs::create_directory(fmt::format("{}/attempt-{}", run, number))) ++number;
  const std::string attempt = fmt::format("{}/attempt-{}", run, number);
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(run))
    if (const std::string name = entry.path().filename().string(); is_of_a_run(name) && !is_lock(name))
      files.push_back(entry.path());
  for (const fs::path& file : files) fs::rename(file, attempt / file.filename());
  report("note     {}: the run in it ended before its first checkpoint and starts anew; its files are in {}\n", run,
         attempt);
}

// A process that was killed while its run's processes met may have left a secret, which is of no use now. Members of
// an elastic run hold a lock before it has begun.
bool is_free(const std::string& folder) {
  return std::all_of(fs::directory_iterator(folder), fs::directory_iterator(), [](const fs::directory_entry& e) {
    const std::string name = e.path().filename().string();
    return name.starts_with(kSecretFilePrefix) || is_lock(name);
  });
}

[[noreturn]] void refuse_folder(const std::string& path) {
  throw BadInput("--out {}: exists and is not empty. Give another folder, or go on with it: {}", path,
                 shell_words({"skein", "train", "--resume", path}));
}

// Keeps the lines of a log for which keep(line) holds. False: may_write says that it is not to be replaced.
template <class Keep>
bool cut_back(const std::string& path, const std::function<bool()>& may_write, Keep keep) {
  if (!fs::exists(path)) {
    report("note     {}: is not there any more and begins anew\n", path);
    return true;
  }
  std::istringstream lines(read_text(path));
  std::string line, kept;
  while (std::getline(lines, line))
    if (keep(line)) kept += line + "\n";
  return write_text(path, kept, may_write);
}

// False also for a line that was cut short when the program died. BadInput for a line of another schema.
bool is_before(const std::string& line, const TrainState& state, const std::string& path) {
  try {
    const Json j = Json::parse(line);
    const Json& type = j.at("type");
    if (type == "run") {
      check_schema(j, path);
      return j.at("start_step").get<int64_t>() <= state.step;
    }
    return type == "epoch" ? j.at("epoch").get<int64_t>() <= state.epoch : j.at("step").get<int64_t>() <= state.step;
  } catch (const JsonError&) {
    return false;
  }
}

}  // namespace

bool is_best_later(const std::string& run, int64_t epoch) {
  try {
    return fs::is_directory(best_folder(run)) && open_checkpoint(best_folder(run)).state.epoch > epoch;
  } catch (const BadInput&) {  // it is damaged
    return false;
  }
}

std::string last_folder(const std::string& run) { return run + "/checkpoints/last"; }
std::string best_folder(const std::string& run) { return run + "/checkpoints/best"; }

std::vector<std::string> checkpoints_of(const std::string& run) {
  const std::string last = last_folder(run);
  recover_folder(last);
  std::vector<std::string> all;
  if (fs::is_directory(last)) all.push_back(last);
  for (int64_t n = 1;; ++n) {
    recover_folder(older_folder(last, n));
    if (!fs::is_directory(older_folder(last, n))) break;
    all.push_back(older_folder(last, n));
  }
  if (fs::is_directory(best_folder(run))) all.push_back(best_folder(run));
  return all;
}

void tidy_checkpoints(const std::string& run, int64_t epoch) {
  for (const std::string& folder : {last_folder(run), best_folder(run)}) remove_unfinished(folder);
  if (is_best_later(run, epoch)) {
    const std::string best = best_folder(run);
    fs::remove_all(best + ".abandoned");
    fs::rename(best, best + ".abandoned");
    report("note     {0}: is of a later epoch than the run goes on from. It is now {0}.abandoned\n", best);
  }
  const std::string last = last_folder(run), damaged = last + ".damaged";
  if (!fs::is_directory(last) || damage(last).empty()) return;
  fs::remove_all(damaged);
  fs::rename(last, damaged);
}

std::unique_ptr<OutputLock> lock_run(const std::string& run) {
  if (!fs::is_directory(run))
    throw BadInput("{}: there is no such run folder. Give one that skein train has made", run);
  return std::make_unique<OutputLock>(run + "/run");
}

RunFolder::RunFolder(const std::string& path, int64_t step, std::unique_ptr<OutputLock> lock)
    : path_(path),
      lock_(std::move(lock)),
      metrics_(path + "/metrics.jsonl"),
      summary_(path + "/summary.csv"),
      events_(path, step) {}

RunProgress progress_of(const std::string& run) {
  if (!fs::exists(run)) return RunProgress::none;
  if (!fs::is_directory(run)) refuse_folder(run);
  if (!checkpoints_of(run).empty()) return RunProgress::saved;
  std::string other;
  bool own = false;
  for (const auto& entry : fs::directory_iterator(run))
    if (const std::string name = entry.path().filename().string(); is_of_a_run(name))
      own |= !is_lock(name);
    else if (!name.starts_with(kSecretFilePrefix))
      other = name;
  if (!own && !other.empty()) throw BadInput("--out {}: holds '{}' and is no run's folder. Give another", run, other);
  return own ? RunProgress::begun : RunProgress::none;
}

std::unique_ptr<RunFolder> RunFolder::create(const std::string& out, const TrainConfig& config, bool start_anew,
                                             std::unique_ptr<OutputLock> held) {
  std::string path = out.empty() ? default_path(config) : out;
  try {
    if (out.empty())
      path = make_new_folder(path);
    else if (fs::exists(path) && !fs::is_directory(path))
      refuse_folder(path);
    else if (!start_anew && fs::exists(path) && !is_free(path))
      refuse_folder(path);
    make_folders(path);
    std::unique_ptr<OutputLock> lock = held ? std::move(held) : lock_run(path);
    if (start_anew && progress_of(path) == RunProgress::begun) keep_attempt(path);
    if (!fs::create_directory(path + "/checkpoints")) refuse_folder(path);  // another process was faster
    write_text(path + "/config.toml", to_toml(config));
    write_text(path + "/version.txt", fmt::format("{}\n", version()));
    write_text(path + "/summary.csv", fmt::format("{}\n", kSummaryHeader));
    return std::unique_ptr<RunFolder>(new RunFolder(path, 0, std::move(lock)));
  } catch (const fs::filesystem_error& e) {
    throw BadInput("run folder {}: cannot be made: {}. Give a place that can be written with --out DIR", path,
                   e.code().message());
  } catch (const RunFailed& e) {
    throw BadInput("run folder {}: {}. Give a place that can be written with --out DIR", path, e.what());
  }
}

std::unique_ptr<RunFolder> RunFolder::reopen(const std::string& path, const TrainState& state,
                                             const TrainConfig& config, std::unique_ptr<OutputLock> lock,
                                             const std::function<bool()>& may_write) {
  const std::string metrics = path + "/metrics.jsonl", summary = path + "/summary.csv";
  const auto is_kept = [&](const std::string& line) {
    return line == kSummaryHeader || (!line.empty() && std::atoll(line.c_str()) <= state.epoch);
  };
  if (!cut_back(metrics, may_write, [&](const std::string& line) { return is_before(line, state, metrics); }) ||
      !write_text(path + "/config.toml", to_toml(config), may_write) || !cut_back(summary, may_write, is_kept))
    return nullptr;
  if (!fs::exists(summary) && !write_text(summary, fmt::format("{}\n", kSummaryHeader), may_write)) return nullptr;
  if (!cut_event_files(path, state.step, may_write)) return nullptr;
  return std::unique_ptr<RunFolder>(new RunFolder(path, state.step, std::move(lock)));
}

void RunFolder::write_line(const Json& line, int64_t step) {
  metrics_.append(line.dump(-1, Json::BadUtf8::replace));
  const auto scalars = log_scalars(line, classes_);
  events_.scalars(step, scalars);
  for (const auto& [name, value] : scalars)
    if (name.starts_with("step/") || name.starts_with("round/") || name.starts_with("epoch/")) newest_[name] = value;
}

void RunFolder::write(const RunDescription& run, const TrainConfig& config) {
  metrics_.append(run_line(run).dump(-1, Json::BadUtf8::replace));
  classes_ = run.classes;
  labels_ = {{"run", fs::absolute(path_).lexically_normal().string()}, {"model", run.model}, {"data", config.data}};
  std::string block, settings = to_toml(config);
  std::istringstream lines(settings);
  for (std::string line; std::getline(lines, line);) block += "    " + line + "\n";  // Markdown: as it is
  events_.text(run.start_step, "configuration", block);
  std::vector<std::pair<std::string, std::string>> values = config_values(config);
  for (auto& [flag, value] : values) flag.erase(0, flag.find_first_not_of('-'));
  events_.settings(run.start_step, values);
  flush();
}

void RunFolder::write_first_batch(const std::vector<Picture>& pictures) {
  events_.image(0, "first batch", contact_sheet(pictures, kAcross));
}

void RunFolder::write(const StepMetrics& m, int64_t log_every) {
  newest_["step"] = double(m.step), newest_["epoch"] = double(m.epoch);
  if (m.round || m.step % log_every == 0) write_line(step_line(m), m.step);
  if (m.round) write_line(round_line(m), m.step);
  if (std::chrono::steady_clock::now() - flushed_ > kFlush) flush();
  if (std::chrono::steady_clock::now() - exported_ > kExport) write_prometheus();
}

void RunFolder::write(const EpochMetrics& m, double checkpoint_seconds, const Dataset& test) {
  write_line(epoch_line(m, checkpoint_seconds, test.classes.size()), m.step);
  events_.histograms(m.step, m.histograms);
  summary_.append(fmt::format("{},{},{:.6g},{:.6f},{:.2f},{:.6f},{:.2f},{:.2f},{:.1f},{:.2f}", m.epoch, m.step, m.lr,
                              m.train_loss, m.train_top1, m.test.loss, m.test.top1, m.test.top5, m.images_per_second,
                              m.seconds));
  if (m.best) write_worst(m, find_worst(*m.predictions, test));
  flush();
  write_prometheus();
}

void RunFolder::write_worst(const EpochMetrics& m, const std::vector<WorstPrediction>& worst) {
  write_evaluation(path_ + "/evaluation.json", m, classes_, worst);
  if (worst.empty()) return;
  std::vector<Picture> pictures;
  std::string table = "| | image | label | predicted | probability |\n|---|---|---|---|---|\n";
  for (const WorstPrediction& w : worst) {
    pictures.push_back(w.picture);
    table +=
        fmt::format("| {} | {} | {} | {} | {:.4f} |\n", pictures.size(), w.index, classes_[size_t(w.prediction.truth)],
                    classes_[size_t(w.prediction.predicted)], w.prediction.probability);
  }
  events_.image(m.step, "worst predictions", contact_sheet(pictures, kAcross));
  events_.text(m.step, "worst predictions", table);
}

void RunFolder::write_end(const TrainState& state, bool done) {
  if (done) {
    events_.scalars(state.step, std::vector<std::pair<std::string, double>>{{"final/test_top1", state.averaged.last},
                                                                            {"final/best_top1", state.averaged.best},
                                                                            {"final/seconds", state.seconds}});
    events_.end(state.step);
  }
  flush();
  write_prometheus();
}

void RunFolder::write_prometheus() {
  exported_ = std::chrono::steady_clock::now();
  newest_["updated"] = double(std::time(nullptr));
  write_text(path_ + "/metrics.prom", prometheus_text(newest_, labels_));
}

void RunFolder::flush() {
  metrics_.flush();
  summary_.flush();
  events_.flush();
  flushed_ = std::chrono::steady_clock::now();
}

}  // namespace skein
