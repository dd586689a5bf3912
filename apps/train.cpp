// skein train: a new run, or a run that continues.
#include "apps/train.h"

#include <csignal>
#include <filesystem>

#include "apps/commands.h"
#include "apps/exit_status.h"
#include "apps/timeout.h"
#include "base/activity.h"
#include "base/check.h"
#include "base/terminal/standard_files.h"
#include "comm/launcher.h"
#include "local_sgd/sync_schedule.h"
#include "train/config/recipes.h"
#include "train/elastic/elastic_run.h"
#include "train/elastic/replay.h"
#include "train/run/interrupt.h"
#include "train/run/resume.h"
#include "train/run/run.h"
#include "train/run/run_folder.h"
#include "train/run/trace_file.h"
#include "train/run/weights_file.h"
#include "train/validate.h"

namespace skein {
namespace {

// The command line as it was typed.
struct TrainArguments {
  TrainConfig flags;  // defaults, except for the flags that were given
  std::string config_file, recipe, out, resume, trace, trace_steps, secret_file, tls, replay, timeout = "5min";
  bool from_consensus = false, resume_if_started = false;
  int64_t limit_steps = 0;
};

// Without --workers every process is one worker. With it each has as many.
void take_processes(const Command& train, const TrainCall& call, int64_t processes, TrainConfig& config) {
  if (processes == 1 || config.workers == processes) return;
  const bool resuming = !call.resume.empty();
  const bool chosen = train.is_given("workers") || (!resuming && config.workers > 1);
  if (chosen || (resuming && !call.from_consensus)) {
    if (config.workers % processes == 0) return;
    if (!chosen)
      throw BadInput(
          "--resume {}: the run has {} workers, each with momentum and data of its own, but {} processes were started. "
          "Start a number that divides {}, or give --from-consensus to start the workers again from their average",
          call.resume, config.workers, processes, config.workers);
    throw BadInput(
        "--workers {}: {} processes were started together, which cannot have as many each. Leave the flag out for one "
        "in each, give a multiple of {}, or start a number that divides {}",
        config.workers, processes, processes, config.workers);
  }
  config.workers = processes;
}

void check_resuming(const TrainArguments& a) {
  const bool resuming = !a.resume.empty();
  if (resuming && !a.config_file.empty())
    throw BadInput("--config: a resumed run keeps its own configuration; leave --config or --resume out");
  if (!a.recipe.empty() && (resuming || !a.config_file.empty()))
    throw BadInput("--recipe: sets all that {} would set; leave one of them out", resuming ? "--resume" : "--config");
  if (resuming && !a.out.empty())
    throw BadInput("--out: a resumed run goes on in its own folder; leave --out or --resume out");
  if (a.resume_if_started && (resuming || a.out.empty()))
    throw BadInput("--resume-if-started: is for the run folder that --out names. Give --out RUN, and no --resume");
  if (a.resume_if_started && !a.trace.empty())
    throw BadInput(
        "--trace: its steps and its file are of one start, and --resume-if-started is for several. Leave one out");
  if (a.from_consensus && !resuming)
    throw BadInput("--from-consensus: is for a run that goes on. Give it with --resume, or leave it out");
}

// The configuration of a new run: the recipe's or the file's, and over it the flags that were given.
TrainConfig new_config(const Command& train, const TrainArguments& a) {
  TrainConfig config;
  if (!a.recipe.empty()) apply_recipe(a.recipe, config);
  if (!a.config_file.empty()) read_config(a.config_file, config);
  if (train.is_given("init") && !train.is_given("init-digest")) config.init_digest.clear();
  apply_flags(train.given, a.flags, Start::fresh, config);
  settle_paths(config);
  return config;
}

void check_data_is_there(const TrainConfig& config, const std::string& run) {
  const std::filesystem::path path = config.data;
  if (path.has_parent_path() && !std::filesystem::exists(path))
    throw BadInput(
        "--resume {}: its data is not at {}. Say where it is now with --data, or, if that path is relative, start from "
        "the folder in which the run was started",
        run, std::filesystem::absolute(path).lexically_normal().string());
}

// The configuration of a run that goes on: the checkpoint's, and over it the flags that were given.
TrainConfig resumed_config(const Command& train, const TrainArguments& a, const std::string& checkpoint) {
  TrainConfig config = open_checkpoint(checkpoint).info.config;
  apply_flags(train.given, a.flags, a.from_consensus ? Start::from_consensus : Start::resumed, config);
  if (!config.elastic.empty())
    throw BadInput(
        "--resume {0}: is the run of processes that join and leave. Give the command that has started it, with "
        "--elastic {1} and --out {0}",
        a.resume, config.elastic);
  settle_paths(config);
  check_data_is_there(config, a.resume);
  return config;
}

// Turns the call that would start a run into one that goes on with it. The command line says the same as the first
// time, so only what differs from the run's settings is new.
void go_on(const std::string& run, TrainCall& call) {
  call.checkpoint = last_checkpoint(run);
  const TrainConfig of_run = open_checkpoint(call.checkpoint).info.config;
  require_same_settings(call.config, of_run, run);
  call.new_threads = call.new_threads && call.config.threads != of_run.threads;
  call.new_conv = call.new_conv && call.config.conv != of_run.conv;
  call.config.init_digest = of_run.init_digest;
  call.resume = run;
  call.out.clear();
}

TrainCall make_call(Command& train, const TrainArguments& a, int64_t processes) {
  check_resuming(a);
  const std::string checkpoint = a.resume.empty() ? "" : last_checkpoint(a.resume);
  TrainCall call{.config = a.resume.empty() ? new_config(train, a) : resumed_config(train, a, checkpoint),
                 .out = a.out,
                 .resume = a.resume,
                 .checkpoint = checkpoint,
                 .trace = trace_call(a.trace, a.trace_steps),
                 .command = {"skein"},
                 .limit_steps = a.limit_steps,
                 .new_threads = train.is_given("threads"),
                 .new_conv = train.is_given("conv"),
                 .from_consensus = a.from_consensus};
  call.command.insert(call.command.end(), train.arguments.begin(), train.arguments.end());
  take_processes(train, call, processes, call.config);
  return call;
}

// Rank 0 looks into the run folder of --resume-if-started, so that all ranks do the same. Collective.
RunProgress progress_on_all_ranks(ProcessGroup& group, const TrainArguments& a) {
  RunProgress progress = RunProgress::none;
  group.on_all_ranks([&] {
    if (a.resume_if_started && group.is_root()) progress = progress_of(a.out);
  });
  return group.broadcast(progress);
}

TrainCall call_on_all_ranks(ProcessGroup& group, Command& train, const TrainArguments& a) {
  TrainCall call;
  group.on_all_ranks([&] {
    check_options(train);
    call = make_call(train, a, group.size());
  });
  const RunProgress progress = progress_on_all_ranks(group, a);
  call.start_anew = a.resume_if_started;
  group.on_all_ranks([&] {
    if (progress == RunProgress::saved)
      go_on(a.out, call);
    else if (call.resume.empty() && !call.config.init.empty())
      set_init_digest(call.config);
  });
  return call;
}

// Returns the exit status. A failure common to all ranks is printed by rank 0, and all ranks leave MPI in order. A rank
// that fails alone prints its own message and aborts the others.
int train_on_all_ranks(ProcessGroup& group, Command& train_command, const TrainArguments& arguments) {
  const auto fail = [&](const std::exception& e, int status) {
    if (group.size() == 1) throw;
    if (!group.failed_on_all_ranks()) group.abort(reason_of(e), status);
    if (group.is_root()) print_error(reason_of(e));
    group.communicator().barrier();
    return status;
  };
  try {
    const TrainCall call = call_on_all_ranks(group, train_command, arguments);
    if (train(group, call, [] { return false; })) return kDone;
    const int64_t signal = group.max(Interrupt::signal());
    return signal > 0 ? kStoppedBySignal + int(signal) : kDone;
  } catch (const BadInput& e) {
    return fail(e, kBadInput);
  } catch (const std::exception& e) {
    return fail(e, kRunFailed);
  }
}

// A run whose processes are not started together, so that there is no process group.
bool is_elastic(const Command& train, const TrainArguments& a) {
  if (train.is_given("elastic")) return !a.flags.elastic.empty();
  if (a.config_file.empty()) return false;
  try {
    return !new_config(train, a).elastic.empty();
  } catch (const BadInput&) {
    return false;  // it is said to all ranks
  }
}

// A secret that rank 0 makes is written where all ranks of the run write, too.
JoinOptions join_options(const TrainArguments& a) {
  const std::string folder = !a.resume.empty() ? a.resume : !a.out.empty() ? a.out : "runs";
  return {{a.secret_file, folder, parse_tls(a.tls)}, parse_timeout(a.timeout)};
}

int train_as_member(Command& train, const TrainArguments& a) {
  check_options(train);
  const Launcher launcher = rank_from_environment().launcher;
  if (launcher == Launcher::open_mpi || launcher == Launcher::pmi)
    throw BadInput(
        "--elastic: does not go with MPI, which ends all processes with one. Start the processes without mpirun");
  if (!a.resume.empty() || a.out.empty())
    throw BadInput(
        "--elastic: the members find each other in the run's folder. Give --out RUN, also to go on with a run, and no "
        "--resume");
  for (const char* flag : {"limit-steps", "trace", "from-consensus"})
    if (train.is_given(flag)) throw BadInput("--elastic: does not go with --{} yet. Leave it out", flag);
  TrainCall call = make_call(train, a, 1);
  if (train_elastic(call, join_options(a), [] { return false; })) return kDone;
  return kStoppedBySignal + Interrupt::signal();
}

int replay_run(Command& train, const TrainArguments& a) {
  for (const std::string& flag : train.given)
    if (flag != "replay" && flag != "data-dir")
      throw BadInput("--replay {}: repeats the run with its own settings. Leave out --{}", a.replay, flag);
  const Interrupt interrupt;
  const ReplayResult r = replay(a.replay, a.flags.data_dir, [] { return Interrupt::signal() != 0; });
  if (Interrupt::signal() != 0) return kStoppedBySignal + Interrupt::signal();
  report("replay   {} rounds repeated; the consensus of each is that of the run, to the bit{}{}\n", r.rounds,
         r.complete ? "" : ". The run is not complete",
         r.cut_short ? ". The last line of membership.jsonl is cut short and was left out" : "");
  return kDone;
}

Command& declare_train(Command& skein, TrainArguments& a) {
  Command& train = skein.add("train", "Train a model");
  train.append(config_options(a.flags));
  train.group("Run");
  train.option("--config", a.config_file, "a configuration; flags override it", {.type = "FILE.toml"});
  train.option("--recipe", a.recipe, "a named set of settings, listed below; flags override it", {"NAME"});
  train.option("--out", a.out, "the run folder [runs/<date>-<model>-<data>]", {.type = "DIR"});
  train.option("--resume", a.resume, "go on in this run folder as if never stopped", {.type = "RUN"});
  train.flag(
      "--resume-if-started", a.resume_if_started,
      "with --out, for jobs that are started again by the same command: go on from the run's last checkpoint, or "
      "start if there is none");
  train.flag("--from-consensus", a.from_consensus,
             "with --resume: the workers, as many as are asked for, start again from the average of the models");
  train.option(
      "--replay", a.replay,
      "repeat the elastic run in this folder from its membership.jsonl, with virtual workers in this process, and "
      "compare the consensus of every round",
      {.type = "RUN"});
  train.option("--limit-steps", a.limit_steps, "stop and save after N steps; 0: no limit", {"N", 0, int64_t{1} << 40});
  train.option("--trace", a.trace, "write a timeline of some steps; ui.perfetto.dev and chrome://tracing show it",
               {"FILE.json.gz"});
  train.option("--trace-steps", a.trace_steps, "with --trace: steps N to M of the run, from 1 [3:6]", {"N:M"});
  train.option("--secret-file", a.secret_file,
               "over TCP: a text that all processes know, and nobody else [SKEIN_SECRET, or made by rank 0]", {"FILE"});
  train.option("--tls", a.tls,
               "over TCP: encrypt what travels; this process's certificate, its key, and the authority that has signed "
               "those of all processes, as PEM files",
               {"cert=FILE,key=FILE,ca=FILE"});
  train.option(
      "--timeout", a.timeout,
      "a rank that gives no sign of life for so long, or does not come, is lost, and the run ends: 30s, 5min, 2h",
      {"TIME"});
  train.footer = "\nForms of --sync:\n" + sync_forms() + "\nRecipes:\n" + recipe_list();
  return train;
}

}  // namespace

ParsedTrain parse_train(const std::vector<std::string>& arguments) {
  Command skein("skein", "");
  skein.requires_subcommand = true;
  TrainArguments a;
  declare_train(skein, a);
  Command& train = parse(skein, arguments);
  check_options(train);
  check_resuming(a);
  ParsedTrain parsed{new_config(train, a), train.given};
  validate(parsed.config, 1);
  return parsed;
}

std::set<std::string> train_flags(const std::vector<std::string>& arguments) {
  Command skein("skein", "");
  TrainArguments a;
  declare_train(skein, a);
  return parse(skein, arguments).given;
}

void add_train_command(Command& skein) {
  auto a = std::make_shared<TrainArguments>();
  Command& train = declare_train(skein, *a);
  train.body_checks_options = true;
  train.body = [a, &train] {
    int status = kDone;
    std::signal(SIGPIPE, SIG_IGN);  // for report()
    activity::print_at_sigquit();
    if (!a->replay.empty()) {
      status = replay_run(train, *a);
    } else if (is_elastic(train, *a)) {
      status = train_as_member(train, *a);
    } else {
      ProcessGroup group =
          ProcessGroup::join(join_options(*a));  // destroyed, and MPI finalized, before ExitStatus is thrown
      status = train_on_all_ranks(group, train, *a);
    }
    if (status != kDone) throw ExitStatus{status};
  };
}

}  // namespace skein
