#include "train/elastic/chair_files.h"

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/check.h"
#include "base/files.h"
#include "base/terminal/standard_files.h"
#include "train/elastic/chair_name.h"
#include "train/elastic/membership_file.h"
#include "train/elastic/presence.h"
#include "train/evaluation/evaluation.h"
#include "train/machine/gpus.h"
#include "train/machine/machine.h"
#include "train/run/checkpoint.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

int64_t bytes_of_membership(const std::string& run) {
  std::error_code none;
  const auto bytes = fs::file_size(run + kMembershipFile, none);
  return none ? 0 : int64_t(bytes);
}

// The logs up to this are kept: the chair before may have written a part of what there is to say of `state`.
TrainState logged_before(const ElasticState& state, const ElasticInputs& in) {
  TrainState s = train_state_of(state, in.fingerprints);
  if (state.merged.empty()) return s;
  --s.step;
  if (ends_epoch(state, in.data.train.size())) --s.epoch;
  return s;
}

// The checkpoint in `folder`, where it is of this state and whole, and the state is the end of an epoch. The lines of
// the epoch are written before it.
std::optional<TrainState> checkpoint_of(const ElasticState& state, const ElasticInputs& in, const std::string& folder) {
  if (!ends_epoch(state, in.data.train.size()) || !fs::is_directory(folder)) return {};
  try {
    const Checkpoint saved = open_checkpoint(folder);
    if (saved.state.rounds.world == state.round && damage(folder).empty()) return saved.state;
  } catch (const BadInput&) {  // it is damaged
  }
  return {};
}

std::string last_line(std::string text) {
  if (!text.empty()) text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace

TrainState train_state_of(const ElasticState& state, const DataFingerprints& data) {
  TrainState s;
  s.step = state.steps;
  s.epoch = state.ledger.epoch;
  s.totals = state.totals;
  s.averaged = state.averaged;
  s.seconds = state.seconds;
  s.rounds.world = state.round;
  s.threads_per_worker = state.threads;
  s.data = data;
  return s;
}

WorkerStates outer_step_of(const Consensus& consensus) {
  WorkerStates workers;
  if (consensus.outer_momentum().defined()) workers[0] = {{"outer_momentum", consensus.outer_momentum()}};
  return workers;
}

ChairFiles::ChairFiles(const ElasticInputs& in, std::unique_ptr<RunFolder> logs)
    : inputs_(in), logs_(std::move(logs)), progress_(in.info.config.epochs, 1, false) {}

void ChairFiles::describe(const ElasticState& state, int64_t parameters) {
  const ModelInfo& info = inputs_.info;
  logs_->write({.command = inputs_.call.command,
                .cpu = processor().name,
                .gpu = device_of(info.config.device) == Device::cuda ? names_of({current_gpu()}) : "",
                .hosts = {host_name()},
                .threads = state.threads,
                .workers = inputs_.options.min,
                .parameters = parameters,
                .epochs = info.config.epochs,
                .steps_per_epoch = 0,
                .model = info.config.model,
                .classes = info.classes,
                .image = {info.height, info.width, info.channels},
                .start_step = state.steps},
               info.config);
  described_ = true;
}

bool ChairFiles::begin(ElasticState& state, const std::string& address, int64_t parameters,
                       const std::function<bool()>& leads) {
  const std::string& run = inputs_.call.out;
  address_ = address;
  if (!write_record(state) || !leads()) return false;
  write_chair(run, chair_text(address, inputs_.is_encrypted));
  if (!logs_ && !take_over(state)) return false;
  if (!described_) describe(state, parameters);
  return true;
}

// The lines of an end of an epoch that the chair before has saved stay: the run may be gone on with from there.
bool ChairFiles::take_over(ElasticState& state) {
  const std::string& run = inputs_.call.out;
  TrainState kept = logged_before(state, inputs_);
  const auto last = checkpoint_of(state, inputs_, last_folder(run)),
             best = checkpoint_of(state, inputs_, best_folder(run));
  if (last || best) {
    written_ = state.round;
    is_saved_ = last.has_value();
    state.averaged = (last ? last : best)->averaged;
    kept = train_state_of(state, inputs_.fingerprints);
  }
  logs_ = RunFolder::reopen(run, kept, inputs_.info.config, try_lock_run(run), [&] { return is_chair(); });
  return logs_ != nullptr;
}

bool ChairFiles::is_chair() const {
  const std::string &run = inputs_.call.out, now = text_of_chair(run);
  if (address_.empty()) return true;
  return (now.empty() || now == chair_text(address_, inputs_.is_encrypted)) && bytes_of_membership(run) == known_bytes_;
}

// Where it is not the chair any more, it says so and writes nothing.
bool ChairFiles::is_still_chair(const char* what) const {
  if (is_chair()) return true;
  report("chair    another process has become the chair: {} is not written here\n", what);
  return false;
}

bool ChairFiles::write_record(const ElasticState& state) {
  const std::string& run = inputs_.call.out;
  if (known_bytes_ < 0) {
    const int64_t before = state.record.at("type").get<std::string>() == "round" ? state.round - 1 : state.round;
    if (read_membership(run).cut_short) cut_membership(run, INT64_MAX);  // its chair was killed while it wrote
    const std::string text = read_text(run + kMembershipFile);
    const bool there = last_line(text) == state.record.dump(-1, Json::BadUtf8::replace);
    if (!there && rounds_in(run) != before) return false;
    known_bytes_ = std::ssize(text);
    if (there) return true;
  }
  if (bytes_of_membership(run) != known_bytes_) return false;
  known_bytes_ += append_membership(run, state.record);
  return true;
}

void ChairFiles::write_round(const ElasticState& state, double rate, double seconds) {
  rate_ = rate;
  const int64_t images = state.record.at("trained").get<int64_t>();
  StepMetrics m{};
  m.step = state.steps;
  m.epoch = state.ledger.epoch + (ends_epoch(state, inputs_.data.train.size()) ? 0 : 1);
  m.loss = state.record.at("loss").get<double>();
  m.lr = rate;
  m.images = images;
  m.totals = state.totals;
  m.seconds = seconds;
  logs_->write(m, 1);
  logs_->flush();  // a process that is stopped and continued later must have nothing left to write
}

bool ChairFiles::end_epoch(ElasticState& state, const Consensus& consensus, Worker& worker, StepContext& context) {
  const auto begin = Clock::now();
  const TrainConfig& c = inputs_.info.config;
  const auto predictions = std::make_shared<Predictions>();
  const auto batches = make_loader(inputs_.data.test, evaluation_options(c.eval_batch), context.queue, activations(c));
  const Score test = evaluate(worker.model(), *batches, context.tape, [&](const Batch& batch, const Tensor& logits) {
    predictions->add(batch, logits, context.tape.queue);
  });
  if (!std::isfinite(test.loss))
    throw RunFailed(
        "the loss on the test images is {} after epoch {}: the model has left the range of its numbers; lower --lr, or "
        "lengthen the warm-up",
        test.loss, state.ledger.epoch);
  const bool best = state.averaged.add(test.top1, state.ledger.epoch);
  const double evaluating = seconds_since(begin), images = double(state.totals.images);
  EpochTimes times;
  times.evaluate = evaluating;
  const EpochMetrics m{.epoch = state.ledger.epoch,
                       .step = state.steps,
                       .lr = rate_,
                       .train_loss = state.totals.loss / images,
                       .train_top1 = 100.0 * double(state.totals.correct) / images,
                       .test = test,
                       .local = {},
                       .ema = {},
                       .images_per_second = images / std::max(state.totals.seconds, 1e-9),
                       .seconds = state.seconds + evaluating,
                       .rounds = train_state_of(state, {}).rounds,
                       .best = best,
                       .times = times,
                       .histograms = weight_histograms(worker.parameters()),
                       .layers = layer_norms(worker.parameters(), worker.parameters()),
                       .predictions = predictions};
  if (!is_still_chair("the end of the epoch")) return false;
  progress_.show(m);
  logs_->write(m, 0, inputs_.data.test);
  if (best && !write(best_folder(inputs_.call.out), 1, state, consensus, worker)) return false;
  return save(state, consensus, worker);
}

bool ChairFiles::save(const ElasticState& state, const Consensus& consensus, Worker& worker) {
  saved_at_ = Clock::now();
  return write(last_folder(inputs_.call.out), inputs_.info.config.keep, state, consensus, worker);
}

bool ChairFiles::write(const std::string& folder, int64_t keep, const ElasticState& state, const Consensus& consensus,
                       Worker& worker) {
  return write_checkpoint_if(
      [&] { return is_still_chair("a checkpoint"); }, address_, folder,
      {inputs_.info, worker.parameters(), outer_step_of(consensus), train_state_of(state, inputs_.fingerprints)}, keep);
}

bool ChairFiles::is_checkpoint_due() const {
  const double minutes = inputs_.info.config.checkpoint_minutes;
  return minutes > 0 && seconds_since(saved_at_) >= 60 * minutes;
}

void ChairFiles::end(const ElasticState& state, bool done) {
  if (logs_) logs_->write_end(train_state_of(state, inputs_.fingerprints), done);
}

}  // namespace skein
