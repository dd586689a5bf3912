#include "local_sgd/model_averager.h"

#include "kernels/device/runtime.h"
#include "kernels/squared_distance.h"
#include "kernels/vector.h"
#include "local_sgd/worker_mean.h"

namespace skein {
namespace {

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

void ModelAverager::reset_consensus() {
  if (!consensus_.defined()) return;
  queue_.run(kernel::copy, parameters_.value, consensus_);
  consensus_known_ = true;
}

void ModelAverager::measure(bool consensus_known) {
  const Tensor& value = parameters_.value;
  norms_ = Tensor::empty(queue_.device, DType::f32, {int64_t(sizeof(AveragingNorms) / sizeof(float))});
  before_ = Tensor::empty(queue_.device, DType::f32, value.shape());
  if (keeps_consensus()) return;  // a checkpoint restores it
  consensus_ = Tensor::empty(queue_.device, DType::f32, value.shape());
  queue_.run(kernel::copy, value, consensus_);
  consensus_known_ = consensus_known;
}

void ModelAverager::note(size_t index, View x, View y) {
  if (measured_) queue_.run(kernel::squared_distance, x, y, norms_.slice(int64_t(index), {1}));
}

void ModelAverager::average(Communicator& ranks, const AveragingRound& round) {
  const bool outer_step = outer_.active() && round.outer_step;
  measured_ = norms_.defined() && round.measured;
  if (norms_.defined()) queue_.run(kernel::fill, std::numeric_limits<float>::quiet_NaN(), norms_);
  if (measured_) {
    queue_.run(kernel::copy, parameters_.value, before_);
    if (consensus_known_) note(kDelta, consensus_, before_);
  }
  if (compressor_ || outer_step)
    step_along_difference(ranks, round);
  else
    average_values(ranks);
  note(kDistance, before_, parameters_.value);
  if (compressor_ && measured_)
    for (const NamedTensor& t : compressor_->state())
      if (t.name == "error") note(kError, t.tensor, {});
  parameters_.refresh_shadow(queue_.stream);
}

void ModelAverager::average_values(Communicator& ranks) {
  const View value = parameters_.value;
  if (ranks.size() > 1) mean_over_workers({&value, 1}, value, ranks, queue_);
  if (consensus_known_) note(kMeanDelta, consensus_, value);
  reset_consensus();
}

void ModelAverager::step_along_difference(Communicator& ranks, const AveragingRound& round) {
  const View value = parameters_.value;
  View delta = delta_;
  if (compressor_) {
    delta = compressor_->mean(consensus_, value, ranks, round.ties);
  } else {
    queue_.run(kernel::sub, consensus_, value, delta);
    mean_over_workers({&delta, 1}, delta, ranks, queue_);
    note(kMeanDelta, delta, {});
  }
  if (outer_.active() && round.outer_step)
    outer_.apply(consensus_, delta, round.rate);
  else
    queue_.run(kernel::sub, consensus_, delta, consensus_);
  queue_.run(kernel::copy, consensus_, value);
}

std::vector<NamedTensor> ModelAverager::state() {
  std::vector<NamedTensor> all;
  if (keeps_consensus()) all.push_back({"consensus", consensus_});
  if (outer_.momentum().defined()) all.push_back({"outer_momentum", outer_.momentum()});
  if (compressor_)
    for (NamedTensor& t : compressor_->state()) all.push_back(std::move(t));
  return all;
}

}  // namespace skein
