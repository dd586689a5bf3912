// skein reproduce: the paper's experiments by name, run by the sweep's machinery, with tables and a verdict per claim.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include "apps/commands.h"
#include "apps/exit_status.h"
#include "apps/reproduce/preset.h"
#include "apps/reproduce/results.h"
#include "apps/reproduce/run_eigenvalue.h"
#include "apps/reproduce/study.h"
#include "apps/reproduce/study_table.h"
#include "apps/sweep/sweep_runner.h"
#include "apps/table.h"
#include "base/check.h"
#include "base/terminal/output_lock.h"
#include "base/terminal/printable.h"
#include "base/terminal/shell_words.h"
#include "comm/launcher.h"

namespace skein {
namespace {

struct ReproduceFlags {
  std::string preset, collect;
  StudyOptions study;
  int64_t jobs = 1;
  bool next = false, table_only = false, dry_run = false;
};

void list_presets() {
  std::vector<std::vector<std::string>> rows = {{"preset", "runs", "million images", "about"}};
  for (const std::string& name : preset_names()) {
    const Preset p = find_preset(name);
    size_t grid = 0;
    for (const PresetSetting& s : p.settings) grid += s.rates.size();
    rows.push_back({name, fmt::format("{}", p.settings.size() * size_t(p.seeds) + grid),
                    fmt::format("{:.1f}", 1e-6 * double(images_of(p))), p.about});
  }
  constexpr Align left = Align::left, right = Align::right;
  fmt::print("{}", format_table({left, right, right, left}, rows));
  fmt::print(
      "\nskein reproduce NAME trains a preset; --scale S shortens it. Images are training images, all runs together\n");
}

void check_flags(const ReproduceFlags& flags) {
  if (const int size = rank_from_environment().size; size > 1)
    throw BadInput("skein reproduce: is one of {} processes of a launcher. Start it alone; it starts the runs itself",
                   size);
  if (flags.table_only && (flags.next || flags.dry_run))
    throw BadInput("--table: trains nothing. Leave --next and --dry-run out");
}

void print_tables(const Study& study) {
  fmt::print("{}\n\n{}", title_of(study), settings_table(study, TableStyle::text));
  for (const std::string& line : legend(study)) fmt::print("{}\n", line);
  if (const std::string grid = grid_table(study, TableStyle::text); !grid.empty()) fmt::print("\n{}", grid);
  if (const std::string verdicts = verdict_table(study, TableStyle::text); !verdicts.empty())
    fmt::print("\n{}", verdicts);
  for (const std::string& line : gaps(study)) fmt::print("gap      {}\n", line);
}

// One preset in its folder, with the records of results that are kept elsewhere.
class Reproduction {
 public:
  explicit Reproduction(const ReproduceFlags& flags)
      : flags_(flags), preset_(scaled(find_preset(flags.preset), flags.study)) {
    StudyOptions& options = flags_.study;
    if (options.out.empty())
      options.out =
          fmt::format("runs/{}{}", preset_.name, options.scale == 1 ? "" : fmt::format("-scale-{:g}", options.scale));
    if (!flags_.collect.empty()) kept_ = read_results(preset_, options.scale, flags_.collect);
    study_ = survey(preset_, options, kept_);
    check_folder(study_, options.out);
  }

  void run() {
    if (flags_.dry_run) return print_commands();
    const bool only_reads = flags_.table_only || (!flags_.collect.empty() && !flags_.next);
    if (!only_reads) train();
    print_tables(study_);
    if (!flags_.collect.empty()) {
      write_results(study_, kept_, flags_.collect);
      progress_.say("results  {}", flags_.collect);
    }
    finish();
  }

 private:
  void print_commands() const {
    for (const StudyRun* run : next_runs()) fmt::print("skein {}\n", shell_words(run->run.arguments));
  }

  // The runs to train now: the grid's before those that need its rates. With --next only the first.
  std::vector<const StudyRun*> next_runs() const {
    std::vector<const StudyRun*> runs = study_.missing();
    const auto rest = std::find_if_not(runs.begin(), runs.end(), [&](const StudyRun* run) { return is_of_grid(run); });
    if (rest != runs.begin()) runs.erase(rest, runs.end());
    if (flags_.next && runs.size() > 1) runs.resize(1);
    return runs;
  }
  bool is_of_grid(const StudyRun* run) const {
    return std::any_of(study_.grid.begin(), study_.grid.end(), [&](const auto& s) { return &s.runs[0] == run; });
  }

  void train() {
    const std::string& out = flags_.study.out;
    if (study_.missing().empty() && unmeasured(study_).empty()) return;
    check_data(preset_, flags_.study);
    std::filesystem::create_directories(out);
    const OutputLock lock(out + "/reproduce");
    write_study(study_, out);
    measure();
    bool again = !study_.missing().empty();
    while (again) {
      std::vector<SweepRun> runs;
      for (const StudyRun* run : next_runs()) runs.push_back(run->run);
      const size_t missing = study_.missing().size();
      progress_.say("preset   {}: {} missing", title_of(study_), counted(int64_t(missing) + study_.waiting(), "run"));
      signal_ = train_runs(runs, out, flags_.jobs, false, progress_).signal;
      study_ = survey(preset_, flags_.study, kept_);
      for (const SweepRun& run : runs) failed_ += is_missing(run.folder);
      if (signal_ == 0) measure();
      again = signal_ == 0 && failed_ == 0 && !flags_.next && !study_.missing().empty();
    }
  }
  // The eigenvalues that claims want of runs that are done.
  void measure() {
    const std::vector<const StudyRun*> runs = unmeasured(study_);
    if (runs.empty()) return;
    for (const StudyRun* run : runs) {
      progress_.say("measure  the largest eigenvalue at the end of {}", run->run.folder);
      measure_eigenvalue(run->run.folder, {.device = flags_.study.device});
    }
    study_ = survey(preset_, flags_.study, kept_);
  }
  bool is_missing(const std::string& folder) const {
    const std::vector<const StudyRun*> runs = study_.missing();
    return std::any_of(runs.begin(), runs.end(), [&](const StudyRun* run) { return run->run.folder == folder; });
  }

  void finish() const {
    if (signal_ != 0) {
      progress_.say("stopped  by signal {}; the same command goes on", signal_);
      std::fflush(stdout);
      throw ExitStatus{kStoppedBySignal + signal_};
    }
    if (failed_ == 0) return;
    progress_.say("failed   {}; the same command tries them again", counted(int64_t(failed_), "run"));
    throw ExitStatus{kRunFailed};
  }

  ReproduceFlags flags_;
  Preset preset_;
  std::vector<RunRecord> kept_;
  Study study_;
  SweepProgress progress_{true};
  int signal_ = 0;
  int64_t failed_ = 0;
};

constexpr const char* kFooter =
    "\n"
    "Without a name: a list of the presets. A preset trains its grid of learning rates first, then the first seed of\n"
    "every setting, then the second ones. Ctrl-C or SIGTERM saves what runs; the same command goes on.\n"
    "\n"
    "  skein reproduce resnet20-cifar10-cpu --data cifar10.skein --next       one run, and no more\n"
    "  skein reproduce resnet20-cifar10-cpu --collect results/resnet20-cifar10-cpu\n"
    "\n"
    "Exit status: 0 done, 1 a run failed, 2 the command line, a file or the data is wrong, 128+n stopped by signal "
    "n.\n";

}  // namespace

void add_reproduce_command(Command& skein) {
  auto flags = std::make_shared<ReproduceFlags>();
  Command& command = skein.add("reproduce", "An experiment of the paper: its runs, tables, and a verdict per claim");
  command.option("preset", flags->preset, "a name, or the path of a preset's TOML file; without: a list of all",
                 {.type = "NAME"});
  command.option("--scale", flags->study.scale, "multiplies the epochs, and says so in tables and names",
                 {"S", 1e-6, 1});
  command.option("--seeds", flags->study.seeds, "runs of every setting; 0: as many as the preset says", {"N", 0, 1000});
  command.flag("--next", flags->next, "train one run that is missing, in order of value, and stop");
  command.option("--out", flags->study.out, "the folder of the runs [runs/NAME, with -scale-S]", {.type = "DIR"});
  command.option("--data", flags->study.data, "where the preset's data is: its name, FILE.skein or a folder",
                 {.type = "NAME|FILE|DIR"});
  command.option("--data-dir", flags->study.data_dir, "where the files of NAME are", {.type = "DIR"});
  command.option("--device", flags->study.device, "where to compute; auto: a GPU if there is one",
                 {.type = "auto|cpu|cuda"});
  command.option("--dtype", flags->study.dtype, "of activations, as in skein train", {.type = "f32|tf32|bf16"});
  command.option("--jobs", flags->jobs, "runs at a time; the cores are shared out", {"N", 1, 1024});
  command.flag("--dry-run", flags->dry_run, "print the commands of the next runs and train nothing");
  command.flag("--table", flags->table_only, "print the tables of what is done and train nothing");
  command.option("--collect", flags->collect,
                 "write tables and records of what is done to this small folder, and count what it has as done; trains "
                 "nothing unless --next is given",
                 {.type = "DIR"});
  command.footer = kFooter;
  command.body = [flags] {
    std::signal(SIGPIPE, SIG_IGN);  // for report()
    check_flags(*flags);
    if (flags->preset.empty()) return list_presets();
    Reproduction(*flags).run();
  };
}

}  // namespace skein
