#include "local_sgd/model_averager.h"

#include "kernels/device/runtime.h"
#include "kernels/squared_distance.h"
#include "kernels/vector.h"
#include "local_sgd/worker_mean.h"

namespace skein {
namespace {

constexpr int64_t kBytesPerUnit = int64_t(1) << 24;  // whole numbers up to here are exact in f32

enum NormIndex : size_t { kDelta, kMeanDelta, kDistance, kError };  // as in AveragingNorms

}  // namespace

ModelAverager::ModelAverager(ParameterStore& parameters, std::unique_ptr<Compressor> compressor, OuterMomentum outer,
                             Queue queue)
    : parameters_(parameters),
      compressor_(std::move(compressor)),
      outer_(outer, parameters.value.numel(), queue),
      queue_(queue) {
  const Shape all{parameters.value.numel()};
  if (!keeps_consensus()) return;
  consensus_ = Tensor::empty(queue.device, DType::f32, all);
  reset_consensus();
  if (!compressor_) delta_ = Tensor::empty(queue.device, DType::f32, all);
}

void ModelAverager::reset_consensus(View model) {
  if (!consensus_.defined()) return;
  queue_.run(kernel::copy, model, consensus_);
  consensus_known_ = true;
}

void ModelAverager::measure(bool consensus_known) {
  const Tensor& value = parameters_.value;
  norms_ = Tensor::empty(queue_.device, DType::f32, {int64_t(sizeof(AveragingNorms) / sizeof(float))});
  queue_.run(kernel::fill, std::numeric_limits<float>::quiet_NaN(), norms_);
  before_ = Tensor::empty(queue_.device, DType::f32, value.shape());
  if (keeps_consensus()) return;  // a checkpoint restores it
  consensus_ = Tensor::empty(queue_.device, DType::f32, value.shape());
  queue_.run(kernel::copy, value, consensus_);
  consensus_known_ = consensus_known;
}

void ModelAverager::note(size_t index, View x, View y) {
  if (measured_) queue_.run(kernel::squared_distance, x, y, norms_.slice(int64_t(index), {1}));
}

void ModelAverager::delay(const DelayedMerge& merge) {
  CHECK(queue_.device == Device::cpu, "averagings of a GPU are not delayed");
  mix_ = merge.mix;
  sent_ = Tensor::empty(queue_.device, DType::f32, parameters_.value.shape());
  pending_ = Tensor::zeros(queue_.device, DType::f32, parameters_.value.shape());
  pending_traffic_ = Tensor::zeros(queue_.device, DType::f32, {3});
}

void ModelAverager::send() { queue_.run(kernel::copy, parameters_.value, sent_); }

void ModelAverager::average_sent(Communicator& ranks, const AveragingRound& round) {
  const Traffic before = ranks.traffic();
  if (!mix_) queue_.run(kernel::copy, sent_, pending_);
  average_model(sent_, ranks, round);
  if (mix_)
    queue_.run(kernel::copy, sent_, pending_);
  else
    queue_.run(kernel::sub, sent_, pending_, pending_);
  const Traffic after = ranks.traffic();
  const int64_t bytes = after.bytes - before.bytes;
  float* to = pending_traffic_.host();
  to[0] = float(bytes / kBytesPerUnit), to[1] = float(bytes % kBytesPerUnit),
  to[2] = float(after.rounds - before.rounds);
}

void ModelAverager::merge() {
  if (mix_)
    queue_.run(kernel::ema, 1 - *mix_, pending_, parameters_.value);
  else
    queue_.run(kernel::axpy, 1.0f, pending_, parameters_.value);
  parameters_.refresh_shadow(queue_.stream);
}

Traffic ModelAverager::merged_traffic() const {
  const float* from = pending_traffic_.host();
  return {int64_t(from[0]) * kBytesPerUnit + int64_t(from[1]), int64_t(from[2])};
}

void ModelAverager::average(Communicator& ranks, const AveragingRound& round) {
  average_model(parameters_.value, ranks, round);
  parameters_.refresh_shadow(queue_.stream);
}

void ModelAverager::average_model(View model, Communicator& ranks, const AveragingRound& round) {
  const bool outer_step = outer_.active() && round.outer_step;
  measured_ = norms_.defined() && round.measured;
  if (norms_.defined()) queue_.run(kernel::fill, std::numeric_limits<float>::quiet_NaN(), norms_);
  if (measured_) {
    queue_.run(kernel::copy, model, before_);
    if (consensus_known_) note(kDelta, consensus_, before_);
  }
  if (compressor_ || outer_step)
    step_along_difference(model, ranks, round);
  else
    average_values(model, ranks);
  note(kDistance, before_, model);
  if (compressor_ && measured_)
    for (const NamedTensor& t : compressor_->state())
      if (t.name == "error") note(kError, t.tensor, {});
}

void ModelAverager::average_values(View model, Communicator& ranks) {
  if (ranks.size() > 1) mean_over_workers({&model, 1}, model, ranks, queue_);
  if (consensus_known_) note(kMeanDelta, consensus_, model);
  reset_consensus(model);
}

void ModelAverager::step_along_difference(View model, Communicator& ranks, const AveragingRound& round) {
  View delta = delta_;
  if (compressor_) {
    delta = compressor_->mean(consensus_, model, ranks, round.ties);
  } else {
    queue_.run(kernel::sub, consensus_, model, delta);
    mean_over_workers({&delta, 1}, delta, ranks, queue_);
    note(kMeanDelta, delta, {});
  }
  if (outer_.active() && round.outer_step)
    outer_.apply(consensus_, delta, round.rate);
  else
    queue_.run(kernel::sub, consensus_, delta, consensus_);
  queue_.run(kernel::copy, consensus_, model);
}

std::vector<NamedTensor> ModelAverager::state() {
  std::vector<NamedTensor> all;
  if (keeps_consensus()) all.push_back({"consensus", consensus_});
  if (outer_.momentum().defined()) all.push_back({"outer_momentum", outer_.momentum()});
  if (compressor_)
    for (NamedTensor& t : compressor_->state()) all.push_back(std::move(t));
  if (!pending_.defined()) return all;
  all.push_back({"pending", pending_});
  all.push_back({"pending_traffic", pending_traffic_});
  return all;
}

}  // namespace skein
