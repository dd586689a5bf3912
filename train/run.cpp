#include "train/run.h"

#include <fmt/format.h>

#include <memory>
#include <optional>

#include "base/check.h"
#include "comm/launcher.h"
#include "kernels/runtime.h"
#include "train/interrupt.h"
#include "train/machine.h"
#include "train/progress.h"
#include "train/report.h"
#include "train/resume.h"
#include "train/run_folder.h"
#include "train/run_signature.h"
#include "train/threads.h"
#include "train/validate.h"

namespace skein {
namespace {

void set_up_machine(ProcessGroup& group, const TrainCall& call, const Checkpoint* checkpoint) {
  TrainConfig config = call.config;
  if (checkpoint && !call.new_threads) config.threads = 0;
  const int64_t each = checkpoint ? checkpoint->state.threads_per_worker : 0;
  set_up_threads(group, config, each);
  group.on_all_ranks([&] {
    if (device_of(config.device) == Device::cuda)
      use_gpu(rank_from_environment().local_rank % int(cuda::devices().size()));
    use_conv(device_of(config.device), config.conv, config.dtype);
    if (checkpoint && !call.new_conv) use_conv_choices(checkpoint->conv_choices);
  });
  if (checkpoint && group.is_root() && (call.new_conv || threads_per_worker(config, group.size()) != each))
    fmt::print("note     other threads or convolution kernels than before: the last bits will differ\n");
}

// Trains with a folder and a terminal listening. What an epoch leaves is written in an order that a crash between any
// two files cannot hurt: the logs may run ahead of checkpoints/last (resuming cuts them), and so may checkpoints/best.
// The folder and the terminal are the first process's; all of them write checkpoints.
bool run_with_folder(ProcessGroup& group, Trainer& trainer, const ModelInfo& info, const std::string& path,
                     RunFolder* logs, const std::function<bool()>& stop, int64_t last_step) {
  ProgressDisplay progress(info.config.epochs, trainer.steps_per_epoch(), group.size() == 1);
  int64_t saved_step = trainer.state().step;
  const auto save = [&](const std::string& folder) {
    const ParameterStore& model = trainer.model_parameters();
    write_checkpoint(group, folder, info, model, trainer.worker_states(), trainer.state());
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

}  // namespace

DatasetOptions dataset_options(const TrainConfig& c) {
  return {
      c.data_dir,   uint64_t(c.seed),
      c.resize,     c.crop,
      c.bad_images, {c.synthetic_train, c.synthetic_test, c.synthetic_size, c.synthetic_channels, c.synthetic_classes}};
}

bool train(ProcessGroup& group, const TrainCall& call, const std::function<bool()>& stop) {
  const TrainConfig& config = call.config;
  require_same(group, signature_of(call));
  std::optional<Checkpoint> checkpoint;
  Splits data;
  ModelInfo info;
  TrainState start;
  group.on_all_ranks([&] {
    validate(config, group.size());
    if (!call.resume.empty()) checkpoint = open_checkpoint(last_checkpoint(call.resume));
    data = open_dataset(config.data, dataset_options(config));
    info = make_model_info(config, data.train);
    if (!checkpoint) return;
    check_same_data(info, *checkpoint);
    start = call.from_consensus ? state_from_consensus(*checkpoint, config, data.train) : checkpoint->state;
  });
  require_same(group, signature_of(data));
  if (checkpoint) require_same(group, signature_of(*checkpoint));
  set_up_machine(group, call, checkpoint ? &*checkpoint : nullptr);

  std::optional<Trainer> trainer;
  std::unique_ptr<RunFolder> logs;
  group.on_all_ranks([&] {
    if (device_of(config.device) == Device::cuda)
      for (Dataset* part : {&data.train, &data.test})
        if (!part->is_encoded()) make_resident(*part);
    trainer.emplace(group, info, data, start);
    if (checkpoint) (call.from_consensus ? load_consensus : load_workers)(*checkpoint, *trainer);
  });
  trainer->agree_on_convolutions();
  group.on_all_ranks([&] {
    if (!group.is_root()) return;
    logs = checkpoint ? RunFolder::reopen(call.resume, log_state(*checkpoint, start), config)
                      : RunFolder::create(call.out, config);
  });
  const std::string path = group.broadcast_text(logs ? logs->path() : "");
  if (group.is_root()) print_header(info, data, *trainer, group.size(), path);
  if (group.is_root() && checkpoint) print_resume(*trainer, *checkpoint, call.from_consensus);
  const Interrupt interrupt;
  const bool done = run_with_folder(
      group, *trainer, info, path, logs.get(), [&] { return stop() || Interrupt::signal(); },
      call.limit_steps > 0 ? start.step + call.limit_steps : INT64_MAX);
  if (group.is_root()) print_end(*trainer, path, done);
  return done;
}

bool train(const TrainCall& call, const std::function<bool()>& stop) {
  ProcessGroup alone;
  return train(alone, call, stop);
}

}  // namespace skein
