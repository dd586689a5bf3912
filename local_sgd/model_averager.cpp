#include "local_sgd/model_averager.h"

#include "kernels/runtime.h"
#include "kernels/sgd_step.h"
#include "kernels/vector.h"

namespace skein {

ModelAverager::ModelAverager(ParameterStore& parameters, std::unique_ptr<Compressor> compressor, OuterMomentum outer,
                             Queue queue)
    : parameters_(parameters), compressor_(std::move(compressor)), outer_(outer), queue_(queue) {
  const Shape all{parameters.value.numel()};
  if (!compressor_ && !outer_.active()) return;
  consensus_ = Tensor::empty(queue.device, DType::f32, all);
  reset_consensus();
  if (!compressor_) delta_ = Tensor::empty(queue.device, DType::f32, all);
  if (!outer_.active()) return;
  momentum_ = Tensor::zeros(queue.device, DType::f32, all);
  rate_ = Tensor::from(queue.device, std::span<const float>(&outer_.rate, 1), {1});
}

void ModelAverager::reset_consensus() {
  if (consensus_.defined()) queue_.run(kernel::copy, parameters_.value, consensus_);
}

void ModelAverager::average(Communicator& ranks) {
  if (ranks.size() == 1) return;
  const View value = parameters_.value;
  const float share = 1.0f / float(ranks.size());
  if (!consensus_.defined()) {
    ranks.all_reduce(value, share);
    return parameters_.refresh_shadow(queue_.stream);
  }
  View delta = delta_;
  if (compressor_) {
    delta = compressor_->mean(consensus_, value, ranks);
  } else {
    queue_.run(kernel::sub, consensus_, value, delta);
    ranks.all_reduce(delta, share);
  }
  if (outer_.active())  // the outer step is a step of SGD whose gradient is delta
    queue_.run(kernel::sgd_step, consensus_, delta, momentum_, View{}, rate_.view().as<float>(),
               SgdHyper{outer_.momentum, 0.0f, outer_.nesterov}, 0);
  else
    queue_.run(kernel::sub, consensus_, delta, consensus_);
  queue_.run(kernel::copy, consensus_, value);
  parameters_.refresh_shadow(queue_.stream);
}

std::vector<NamedTensor> ModelAverager::state() {
  std::vector<NamedTensor> all;
  if (consensus_.defined()) all.push_back({"consensus", consensus_});
  if (momentum_.defined()) all.push_back({"outer_momentum", momentum_});
  if (compressor_)
    for (NamedTensor& t : compressor_->state()) all.push_back(std::move(t));
  return all;
}

}  // namespace skein
