#include <fmt/format.h>
#include <omp.h>

#include <optional>

#include "apps/commands.h"
#include "base/check.h"
#include "comm/launcher.h"
#include "kernels/runtime.h"
#include "train/interrupt.h"
#include "train/machine.h"
#include "train/progress.h"
#include "train/report.h"
#include "train/resume.h"
#include "train/run.h"
#include "train/run_folder.h"
#include "train/run_signature.h"

namespace skein {
namespace {

struct TrainFlags {
  TrainCall call;
  std::string config_file;
};

// --workers of several processes is their number, and need not be said.
void take_processes(const CommandLine& line, const TrainCall& call, int64_t processes, TrainConfig& config) {
  if (processes == 1 || config.workers == processes) return;
  const bool resuming = !call.resume.empty();
  if (resuming && !call.from_consensus)
    throw BadInput(
        "--resume {}: the run has {} workers, each with momentum and data of its own, but {} processes were started. "
        "Start {}, or one that has all workers, or give --from-consensus to start the workers again from their average",
        call.resume, config.workers, processes, config.workers);
  if (line.given("--workers") || (!resuming && config.workers > 1))
    throw BadInput(
        "--workers {}: {} processes were started together, and each is one worker. Leave the flag out, or start {}",
        config.workers, processes, config.workers);
  config.workers = processes;
}

TrainCall complete(const CommandLine& line, const TrainFlags& flags, int64_t processes) {
  TrainCall call = flags.call;
  const bool resuming = !call.resume.empty();
  if (resuming && !flags.config_file.empty())
    throw BadInput("--config: a resumed run keeps its own configuration; leave --config or --resume out");
  if (resuming && !call.out.empty())
    throw BadInput("--out: a resumed run goes on in its own folder; leave --out or --resume out");
  if (call.from_consensus && !resuming)
    throw BadInput("--from-consensus: is for a run that goes on. Give it with --resume, or leave it out");
  call.config = {};
  if (resuming) call.config = open_checkpoint(last_checkpoint(call.resume)).info.config;
  if (!flags.config_file.empty()) read_config(flags.config_file, call.config);
  const Start start = !resuming ? Start::fresh : call.from_consensus ? Start::from_consensus : Start::resumed;
  apply_flags(line.app(), flags.call.config, start, call.config);
  take_processes(line, call, processes, call.config);
  call.new_threads = line.given("--threads");
  call.new_conv = line.given("--conv");
  return call;
}

// The exit status. What all processes have failed of is said by the first, and all leave MPI in good order; what one
// has failed of alone it says itself and takes the others along.
int train_in_job(ProcessGroup& group, const CommandLine& line, const TrainFlags& flags) {
  constexpr int kKilledBySignal = 128, kRunFailed = 1, kBadInput = 2;  // as main.cpp and a shell have them
  const auto fail = [&](const std::exception& e, int status) {
    if (group.size() == 1) throw;
    if (!group.failed_on_all_ranks()) group.abort(e.what(), status);
    if (group.is_root()) fmt::print(stderr, "skein: {}\n", e.what());
    group.communicator().barrier();
    return status;
  };
  try {
    TrainCall call;
    group.on_all_ranks([&] { call = complete(line, flags, group.size()); });
    if (train(group, call, [] { return false; })) return 0;
    const int64_t signal = group.max(Interrupt::signal());
    return signal > 0 ? kKilledBySignal + int(signal) : 0;
  } catch (const BadInput& e) {
    return fail(e, kBadInput);
  } catch (const std::exception& e) {
    return fail(e, kRunFailed);
  }
}

}  // namespace

void add_train_command(CommandLine& skein) {
  auto flags = std::make_shared<TrainFlags>();
  CommandLine train = skein.add("train", "Train a model");
  add_config_flags(train.app(), flags->call.config);
  train.group("Run");
  train.option("--config", flags->config_file, "a configuration; flags override it", {.type = "FILE.toml"});
  train.option("--out", flags->call.out, "the run folder [runs/<date>-<model>-<data>]", {.type = "DIR"});
  train.option("--resume", flags->call.resume, "go on in this run folder as if never stopped", {.type = "RUN"});
  train.flag("--from-consensus", flags->call.from_consensus,
             "with --resume: the workers, as many as are asked for, start again from the average of the models");
  train.option("--limit-steps", flags->call.limit_steps, "stop and save after N steps; 0: no limit",
               {.type = "N", .low = 0, .high = int64_t{1} << 40});
  train.footer("\nForms of --sync:\n" + sync_forms());
  train.runs([flags, train] {
    int status = 0;
    {
      ProcessGroup group = ProcessGroup::join();  // gone, and MPI with it, before the exit status is on its way
      status = train_in_job(group, train, *flags);
    }
    if (status != 0) throw ExitStatus{status};
  });
}

}  // namespace skein
