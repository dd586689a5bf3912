// skein sweep: trains every combination of some settings with several seeds, and prints a table of them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "apps/commands.h"
#include "apps/exit_status.h"
#include "apps/sweep/sweep_plan.h"
#include "apps/sweep/sweep_runner.h"
#include "apps/sweep/sweep_slurm.h"
#include "apps/sweep/sweep_table.h"
#include "apps/train.h"
#include "base/check.h"
#include "base/files.h"
#include "base/terminal/output_lock.h"
#include "base/terminal/printable.h"
#include "base/terminal/shell_words.h"
#include "comm/launcher.h"

namespace skein {
namespace {

struct SweepFlags {
  std::string out;
  std::vector<std::string> set, variants, train, slurm_options;
  int64_t seeds = 1, jobs = 0;
  bool slurm = false, dry_run = false, table_only = false;
  SweepTableOptions table;
};

SweepPlan plan_of(const SweepFlags& flags) {
  SweepPlan plan;
  plan.train = flags.train;
  plan.seeds = flags.seeds;
  for (const std::string& text : flags.set) plan.axes.push_back(parse_set(text));
  if (!flags.variants.empty()) plan.axes.push_back(parse_variants(flags.variants));
  check_plan(plan);
  return plan;
}

void check_flags(const SweepFlags& flags) {
  if (const int size = rank_from_environment().size; size > 1)
    throw BadInput("skein sweep: is one of {} processes of a launcher. Start it alone; it starts the runs itself",
                   size);
  check_table(flags.table);
  if (flags.table_only &&
      (!flags.train.empty() || !flags.set.empty() || !flags.variants.empty() || flags.slurm || flags.dry_run))
    throw BadInput("--table: prints the table of the sweep in --out and trains nothing. Leave the other flags out");
  if (!flags.slurm && !flags.slurm_options.empty())
    throw BadInput("--sbatch {}: is for --slurm. Give both, or leave it out", flags.slurm_options[0]);
}

// The runs that are not done yet, in the order in which they train.
std::vector<SweepRun> open_runs(const SweepPlan& plan, const std::string& folder, const SweepProgress& progress) {
  std::vector<SweepRun> runs = runs_of(plan, folder);
  const size_t all = runs.size();
  std::erase_if(runs, [](const SweepRun& run) { return is_done(run.folder); });
  progress.say("sweep    {}: {} x {}; {} of {} runs are done", folder,
               counted(std::ssize(settings_of(plan)), "setting"), counted(plan.seeds, "seed"), all - runs.size(), all);
  return runs;
}

// The folder is new, or that of this plan.
void check_folder(const SweepPlan& plan, const std::string& folder) {
  std::filesystem::create_directories(folder);
  if (has_plan(folder))
    require_same_plan(plan, read_plan(folder), folder);
  else if (!std::filesystem::is_empty(folder))
    throw BadInput("--out {}: has files and is no sweep's folder, as it lacks sweep.json. Give another", folder);
}

void sweep_over_slurm(const SweepFlags& flags, const std::vector<SweepRun>& runs, const SweepProgress& progress) {
  const std::string script = flags.out + "/sweep.sbatch";
  write_text(script, sbatch_script(runs, flags.out, flags.jobs, flags.slurm_options));
  progress.say("written  {}, a job array of {} tasks", script, runs.size());
  if (!flags.dry_run) submit(script);
  progress.say_command("table", {"skein", "sweep", "--table", "--out", flags.out});
}

void print_commands(const std::vector<SweepRun>& runs) {
  for (const SweepRun& run : runs) fmt::print("skein {}\n", shell_words(run.arguments));
}

void sweep(const SweepFlags& flags) {
  check_flags(flags);
  const SweepProgress progress(flags.table.format == TableFormat::text);
  if (flags.table_only) return fmt::print("{}", sweep_table(read_plan(flags.out), flags.out, flags.table));
  SweepPlan plan = plan_of(flags);
  if (flags.dry_run && !flags.slurm) {
    if (has_plan(flags.out)) require_same_plan(plan, read_plan(flags.out), flags.out);
    return print_commands(open_runs(plan, flags.out, progress));
  }
  check_folder(plan, flags.out);
  const OutputLock lock(flags.out + "/sweep");
  write_plan(plan, flags.out);
  const std::vector<SweepRun> runs = open_runs(plan, flags.out, progress);
  if (flags.slurm && !runs.empty()) return sweep_over_slurm(flags, runs, progress);
  const bool threads_given = train_flags(plan.train).contains("threads");
  const SweepOutcome outcome = train_runs(runs, flags.out, flags.jobs, threads_given, progress);
  fmt::print("{}", sweep_table(plan, flags.out, flags.table));
  const std::string folder = flags.out.substr(0, flags.out.find_last_not_of('/') + 1);
  progress.say_command("report", {"skein", "report", folder, "--out", folder + ".html"});
  if (outcome.failed > 0)
    progress.say("failed   {} of {}; the same command tries them again", outcome.failed,
                 counted(std::ssize(runs), "run"));
  if (outcome.signal != 0) {
    progress.say("stopped  by signal {}; the same command goes on", outcome.signal);
    std::fflush(stdout);
    throw ExitStatus{kStoppedBySignal + outcome.signal};
  }
  if (outcome.failed > 0) throw ExitStatus{kRunFailed};
}

constexpr const char* kFooter =
    "\n"
    "All combinations of the values of all --set are trained, seed by seed: after the first seed every setting\n"
    "can be compared. Ctrl-C or SIGTERM saves what runs; the same command goes on, skips what is done and tries\n"
    "again what has failed. More --seeds than before may be given; any other change needs another folder.\n"
    "\n"
    "Values of --set are separated by commas. Where a value holds a comma itself, separate by semicolons:\n"
    "  --set lr=0.1,0.2                                           two values\n"
    "  --set 'sync=local:H=4,warmup=linear;post-local:H=16'       two values\n"
    "  --set 'drops=0.5,0.75;'                                    one value, a list\n"
    "--variant names settings that change several flags together:\n"
    "  --variant large='--sync minibatch --batch 512' --variant post-local='--sync post-local:H=16'\n"
    "\n"
    "Exit status: 0 all runs are done, 1 a run failed, 2 the command line is wrong, 128+n stopped by signal n.\n";

}  // namespace

void add_sweep_command(Command& skein) {
  auto flags = std::make_shared<SweepFlags>();
  Command& command = skein.add("sweep", "Train every combination of settings with several seeds, and compare them");
  command.option("train", flags->train, "after --: train and the flags that all runs share", {.type = "-- train ..."});
  command.option("--out", flags->out, "the folder of the runs; sweep.json in it keeps the plan",
                 {.type = "DIR", .required = true});
  command.option("--set", flags->set, "a flag of train and its values; may be given several times",
                 {.type = "NAME=VALUE,VALUE"});
  command.option("--variant", flags->variants, "a name and flags of train; may be given several times",
                 {.type = "NAME=FLAGS"});
  command.option("--seeds", flags->seeds, "runs of every setting: --seed of train and the numbers after it",
                 {"N", 1, 1000});
  command.option("--jobs", flags->jobs,
                 "runs at a time, 0: one, with --slurm any number; the cores are shared out unless train has --threads",
                 {"N", 0, 1024});
  command.flag("--dry-run", flags->dry_run, "print the commands, or with --slurm write the file, and train nothing");
  command.group("Slurm");
  command.flag("--slurm", flags->slurm, "write DIR/sweep.sbatch, a job array with a task per run, and submit it");
  command.option("--sbatch", flags->slurm_options, "an option of sbatch, as --sbatch=--time=1:00:00; several times",
                 {.type = "OPTION"});
  command.group("Table");
  command.flag("--table", flags->table_only, "print the table of the sweep in --out and train nothing");
  command.option("--format", flags->table.format, "of the table; with another than text, progress is on stderr",
                 {.type = "text|csv|markdown|json"});
  command.option("--target", flags->table.target, "a test accuracy: epochs, time and bytes until it is reached",
                 {"PART", 0, 1});
  command.option("--clock", flags->table.clock, "simulated seconds on this network, as in skein clock; several times",
                 {.type = "NET"});
  command.footer = kFooter;
  command.body = [flags] {
    std::signal(SIGPIPE, SIG_IGN);  // for report()
    sweep(*flags);
  };
}

}  // namespace skein
