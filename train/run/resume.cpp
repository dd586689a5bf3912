#include "train/run/resume.h"

#include <algorithm>
#include <filesystem>

#include "base/check.h"
#include "base/files.h"
#include "base/terminal/printable.h"
#include "local_sgd/compressor.h"
#include "train/run/run_folder.h"
#include "train/run/weights_file.h"
#include "train/trainer.h"
#include "train/training_data.h"
#include "train/weights/whitening.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

void load_ema_into(Worker& worker, const Checkpoint& checkpoint) {
  if (const FlatModel& ema = worker.ema(); ema.value.defined())
    load_ema(checkpoint, worker.parameters(), ema.value, ema.running_statistics);
}

}  // namespace

std::string last_checkpoint(const std::string& run) {
  if (!fs::is_directory(run))
    throw BadInput("--resume {}: there is no such run folder. Give one that skein train has made", run);
  const std::vector<std::string> all = checkpoints_of(run);
  if (all.empty())
    throw BadInput("--resume {}: the run has no checkpoint yet. Start again with --config {}/config.toml", run, run);
  const auto whole = std::find_if(all.begin(), all.end(), [](const std::string& c) { return damage(c).empty(); });
  return whole == all.end() ? all.front() : *whole;
}

namespace {

void check_fingerprint(const char* what, uint64_t now, uint64_t then, const ModelInfo& info, const Checkpoint& c) {
  if (then == 0 || now == then) return;
  throw BadInput(
      "dataset '{}': its {} images or labels are not those that {} was trained on: fingerprint {:016x}, then {:016x}. "
      "Resume with the data that the run began with, or start a new run from its weights with --init",
      info.config.data, what, c.folder, now, then);
}

}  // namespace

void check_epochs(int64_t epochs, const Checkpoint& checkpoint) {
  const TrainState& s = checkpoint.state;
  const int64_t begun = s.epoch + (s.step_in_epoch > 0 ? 1 : 0);
  if (epochs < begun)
    throw BadInput("--epochs {}: the run is in epoch {} already. Give {} or more", epochs, begun, begun);
  if (epochs != checkpoint.info.config.epochs && (s.to_start != SyncScope::none || s.under_way != SyncScope::none))
    throw BadInput(
        "--epochs {}: after step {} an averaging is under way, and with another number of epochs the schedule may be "
        "another. Take a few steps more first, with --limit-steps {}, or finish the run",
        epochs, s.step, sync_schedule(checkpoint.info.config).delay + 1);
}

void check_same_data(const ModelInfo& now, const DataFingerprints& fingerprints, const Checkpoint& checkpoint) {
  const ModelInfo& then = checkpoint.info;
  if (now.classes == then.classes && now.height == then.height && now.width == then.width &&
      now.channels == then.channels && now.mean == then.mean && now.std == then.std) {
    check_fingerprint("training", fingerprints.train, checkpoint.state.data.train, now, checkpoint);
    check_fingerprint("test", fingerprints.test, checkpoint.state.data.test, now, checkpoint);
    return;
  }
  throw BadInput(
      "dataset '{}': {} classes of {} x {} x {} images are not what {} was trained on ({} classes, {} x {} x {}, or "
      "other names, mean or deviation). Resume with the data that the run began with",
      now.config.data, now.classes.size(), now.height, now.width, now.channels, checkpoint.folder, then.classes.size(),
      then.height, then.width, then.channels);
}

TrainState state_from_consensus(const Checkpoint& checkpoint, const TrainConfig& config, const Dataset& train) {
  TrainState state = checkpoint.state;
  state.step = state.epoch * steps_per_epoch(config, train.size());
  state.step_in_epoch = 0;
  state.to_start = state.under_way = SyncScope::none;
  state.totals = {};
  return state;
}

TrainState log_state(const Checkpoint& checkpoint, const TrainState& start) {
  TrainState state = start;
  const TrainState& s = checkpoint.state;
  state.step = s.step - (s.step_in_epoch - start.step_in_epoch);
  return state;
}

std::string dropped(const Checkpoint& checkpoint) {
  const TrainConfig& c = checkpoint.info.config;
  const TrainState& s = checkpoint.state;
  std::string text = "momentum";
  if (c.workers > 1) text += ", running statistics of each worker";
  if (parse_compression(c.compress).options.error_feedback) text += ", error memory";
  if (c.outer_momentum != 0) text += ", outer momentum";
  if (s.step_in_epoch > 0)
    text += fmt::format(", the {} taken of epoch {}", counted(s.step_in_epoch, "step"), s.epoch + 1);
  return text;
}

void load_workers(const Checkpoint& checkpoint, Trainer& trainer) {
  if (!averages(trainer.config())) {
    load_model(checkpoint, trainer.worker(0).parameters());
    load_optimizer(checkpoint, trainer.worker(0).parameters());
    load_ema_into(trainer.worker(0), checkpoint);
    return;
  }
  trainer.workers().for_each([&](Worker& w) {
    load_worker(checkpoint, w.rank(), w.state());
    w.parameters().refresh_shadow();
  });
}

std::vector<std::string> load_initial_weights(const TrainConfig& config, Trainer& trainer) {
  const std::string file = weights_file(config.init);
  std::vector<std::string> notes;
  trainer.workers().for_each([&](Worker& w) {
    notes = read_weights(file, OtherClassifier::keeps_initial_values, w.parameters());
    w.reset_consensus();
  });
  return notes;
}

void whiten_stem(const Dataset& train, Trainer& trainer) {
  std::vector<float> filters;
  trainer.workers().for_each([&](Worker& w) {
    ParameterStore& p = w.parameters();
    const bool frozen = p.frozen.defined();  // the first convolution is, whatever is
    const std::vector<int64_t>& shape =      // (outputs, kernel, kernel, channels)
        (frozen ? p.frozen_specs() : p.specs())[0].shape;
    if (filters.empty()) filters = whitening_filters(train, {shape[0], shape[1], shape[3]});
    const int64_t begin = (frozen ? p.frozen_segments() : p.segments())[0].begin;
    const Tensor slice = (frozen ? p.frozen : p.value).slice(begin, {int64_t(filters.size())});
    Queue{slice.device()}.run(kernel::copy_from_host, filters.data(), slice);
    p.refresh_shadow();
    w.reset_consensus();
  });
}

void load_consensus(const Checkpoint& checkpoint, Trainer& trainer) {
  trainer.workers().for_each([&](Worker& w) {
    load_model(checkpoint, w.parameters());
    w.reset_consensus();
    load_ema_into(w, checkpoint);
  });
}

}  // namespace skein
