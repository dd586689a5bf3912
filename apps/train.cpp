#include "apps/train.h"

#include <fmt/format.h>
#include <omp.h>

#include <optional>

#include "apps/agreement.h"
#include "apps/commands.h"
#include "apps/interrupt.h"
#include "apps/machine.h"
#include "apps/progress.h"
#include "apps/report.h"
#include "apps/resume.h"
#include "apps/run_folder.h"
#include "comm/launcher.h"
#include "kernels/check.h"
#include "kernels/runtime.h"

namespace skein {
namespace {

void set_up_machine(Job& job, const TrainCall& call, const Checkpoint* checkpoint) {
  TrainConfig config = call.config;
  if (checkpoint && !call.new_threads) config.threads = 0;
  const int64_t each = checkpoint ? checkpoint->state.threads_per_worker : 0;
  set_up_threads(job, config, each);
  job.together([&] {
    if (device_of(config.device) == Device::cuda) use_gpu(find_place().local_rank % int(cuda::devices().size()));
    use_conv(device_of(config.device), config.conv, config.dtype);
    if (checkpoint && !call.new_conv) use_conv_choices(checkpoint->conv_choices);
  });
  if (checkpoint && job.first() && (call.new_conv || threads_per_worker(config, job.size()) != each))
    fmt::print("note     other threads or convolution kernels than before: the last bits will differ\n");
}

// Trains with a folder and a terminal listening. What an epoch leaves is written in an order that a crash between any
// two files cannot hurt: the logs may run ahead of checkpoints/last (resuming cuts them), and so may checkpoints/best.
// The folder and the terminal are the first process's; all of them write checkpoints.
bool run_with_folder(Job& job, Trainer& trainer, const ModelCard& card, const std::string& path, RunFolder* logs,
                     const std::function<bool()>& stop, int64_t last_step) {
  ProgressDisplay progress(card.config.epochs, trainer.steps_per_epoch(), job.size() == 1);
  int64_t saved_step = trainer.state().step;
  const auto save = [&](const std::string& folder) {
    const ParameterStore& model = trainer.model_parameters();
    write_checkpoint(job, folder, card, model, trainer.worker_states(), trainer.state());
  };
  const auto on_step = [&](const StepMetrics& m) {
    if (!logs) return;
    logs->write(m);
    progress.show(m);
  };
  const auto on_epoch = [&](const EpochMetrics& m) {
    if (logs) {
      progress.show(m);
      logs->write(m);
    }
    if (m.best) save(best_folder(path));
    save(last_folder(path));
    saved_step = m.step;
  };
  try {
    const bool done = trainer.run({on_step, on_epoch, stop, last_step});
    if (logs) logs->flush();
    if (!done) save(last_folder(path));
    return done;
  } catch (const RunFailed& e) {
    if (saved_step == 0) throw RunFailed("{}. There is no checkpoint yet; run folder {}", e.what(), path);
    throw RunFailed("{}. The checkpoint of step {} is kept in {}; go on from it with skein train --resume {}", e.what(),
                    saved_step, last_folder(path), path);
  }
}

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
  if (resuming) call.config = open_checkpoint(last_checkpoint(call.resume)).card.config;
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
int train_in_job(Job& job, const CommandLine& line, const TrainFlags& flags) {
  constexpr int kKilledBySignal = 128, kRunFailed = 1, kBadInput = 2;  // as main.cpp and a shell have them
  const auto fail = [&](const std::exception& e, int status) {
    if (job.size() == 1) throw;
    if (!job.failed_together()) job.abort(e.what(), status);
    if (job.first()) fmt::print(stderr, "skein: {}\n", e.what());
    job.processes().barrier();
    return status;
  };
  try {
    TrainCall call;
    job.together([&] { call = complete(line, flags, job.size()); });
    if (train(job, call, [] { return false; })) return 0;
    const int64_t signal = job.most(Interrupt::signal());
    return signal > 0 ? kKilledBySignal + int(signal) : 0;
  } catch (const BadInput& e) {
    return fail(e, kBadInput);
  } catch (const std::exception& e) {
    return fail(e, kRunFailed);
  }
}

}  // namespace

void check_supported(const TrainConfig& config, int64_t processes) {
  if (config.workers % processes != 0 || (processes > 1 && config.workers != processes))
    throw BadInput("--workers {}: {} processes were started together, and each is one worker", config.workers,
                   processes);
  check_device(config.device, config.dtype);
  parse_bn_statistics(config.bn_stats);
}

DatasetOptions dataset_options(const TrainConfig& c) {
  return {
      c.data_dir,   uint64_t(c.seed),
      c.resize,     c.crop,
      c.bad_images, {c.synthetic_train, c.synthetic_test, c.synthetic_size, c.synthetic_channels, c.synthetic_classes}};
}

bool train(Job& job, const TrainCall& call, const std::function<bool()>& stop) {
  const TrainConfig& config = call.config;
  agree(job, facts_of(call));
  std::optional<Checkpoint> checkpoint;
  Splits data;
  ModelCard card;
  TrainState start;
  job.together([&] {
    check_supported(config, job.size());
    if (!call.resume.empty()) checkpoint = open_checkpoint(last_checkpoint(call.resume));
    data = open_dataset(config.data, dataset_options(config));
    card = make_card(config, data.train);
    if (!checkpoint) return;
    check_same_data(card, *checkpoint);
    start = call.from_consensus ? state_from_consensus(*checkpoint, config, data.train) : checkpoint->state;
  });
  agree(job, facts_of(data));
  if (checkpoint) agree(job, facts_of(*checkpoint));
  set_up_machine(job, call, checkpoint ? &*checkpoint : nullptr);

  std::optional<Trainer> trainer;
  std::unique_ptr<RunFolder> logs;
  job.together([&] {
    if (device_of(config.device) == Device::cuda)
      for (Dataset* part : {&data.train, &data.test})
        if (!part->encoded) make_resident(*part);
    trainer.emplace(job, card, data, start);
    if (checkpoint) (call.from_consensus ? load_consensus : load_workers)(*checkpoint, *trainer);
  });
  trainer->agree_on_convolutions();
  job.together([&] {
    if (!job.first()) return;
    logs = checkpoint ? RunFolder::reopen(call.resume, log_state(*checkpoint, start), config)
                      : RunFolder::create(call.out, config);
  });
  const std::string path = job.text_of_first(logs ? logs->path() : "");
  if (job.first()) print_header(card, data, *trainer, job.size(), path);
  if (job.first() && checkpoint) print_resume(*trainer, *checkpoint, call.from_consensus);
  const Interrupt interrupt;
  const bool done = run_with_folder(
      job, *trainer, card, path, logs.get(), [&] { return stop() || Interrupt::signal(); },
      call.limit_steps > 0 ? start.step + call.limit_steps : INT64_MAX);
  if (job.first()) print_end(*trainer, path, done);
  return done;
}

bool train(const TrainCall& call, const std::function<bool()>& stop) {
  Job alone;
  return train(alone, call, stop);
}

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
      Job job = Job::join();  // gone, and MPI with it, before the exit status is on its way
      status = train_in_job(job, train, *flags);
    }
    if (status != 0) throw ExitStatus{status};
  });
}

}  // namespace skein
