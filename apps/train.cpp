// skein train: a new run, or a run that continues.
#include "apps/train.h"

#include <csignal>

#include "apps/commands.h"
#include "apps/exit_status.h"
#include "apps/timeout.h"
#include "apps/train_arguments.h"
#include "base/activity.h"
#include "base/check.h"
#include "base/terminal/standard_files.h"
#include "comm/launcher.h"
#include "train/elastic/elastic_run.h"
#include "train/elastic/replay.h"
#include "train/run/interrupt.h"
#include "train/run/run.h"
#include "train/run/run_folder.h"
#include "train/run/weights_file.h"
#include "train/validate.h"

namespace skein {
namespace {

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
