#include "local_sgd/model_averager.h"

#include "kernels/runtime.h"
#include "kernels/vector.h"
#include "local_sgd/worker_mean.h"

namespace skein {

ModelAverager::ModelAverager(ParameterStore& parameters, std::unique_ptr<Compressor> compressor, OuterMomentum outer,
                             Queue queue)
    : parameters_(parameters),
      compressor_(std::move(compressor)),
      outer_(outer, parameters.value.numel(), queue),
      queue_(queue) {
  const Shape all{parameters.value.numel()};
  if (!compressor_ && !outer.active()) return;
  consensus_ = Tensor::empty(queue.device, DType::f32, all);
  reset_consensus();
  if (!compressor_) delta_ = Tensor::empty(queue.device, DType::f32, all);
}

void ModelAverager::reset_consensus() {
  if (consensus_.defined()) queue_.run(kernel::copy, parameters_.value, consensus_);
}

void ModelAverager::average(Communicator& ranks, const AveragingRound& round) {
  const bool outer_step = outer_.active() && round.outer_step;
  if (compressor_ || outer_step)
    step_along_difference(ranks, round);
  else
    average_values(ranks);
  parameters_.refresh_shadow(queue_.stream);
}

void ModelAverager::average_values(Communicator& ranks) {
  const View value = parameters_.value;
  if (ranks.size() > 1) mean_over_workers({&value, 1}, value, ranks, queue_);
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
  }
  if (outer_.active() && round.outer_step)
    outer_.apply(consensus_, delta, round.rate);
  else
    queue_.run(kernel::sub, consensus_, delta, consensus_);
  queue_.run(kernel::copy, consensus_, value);
}

std::vector<NamedTensor> ModelAverager::state() {
  std::vector<NamedTensor> all;
  if (consensus_.defined()) all.push_back({"consensus", consensus_});
  if (outer_.momentum().defined()) all.push_back({"outer_momentum", outer_.momentum()});
  if (compressor_)
    for (NamedTensor& t : compressor_->state()) all.push_back(std::move(t));
  return all;
}

}  // namespace skein
