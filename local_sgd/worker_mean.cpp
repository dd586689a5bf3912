#include "local_sgd/worker_mean.h"

#include "kernels/device/runtime.h"
#include "kernels/vector.h"

namespace skein {

void mean_over_workers(std::span<const View> own, View mean, Communicator& ranks, Queue queue) {
  if (own[0].data != mean.data) queue.run(kernel::copy, own[0], mean);
  for (const View& x : own.subspan(1)) queue.run(kernel::axpy, 1.0f, x, mean);
  const float share = 1.0f / (float(own.size()) * float(ranks.size()));
  if (ranks.size() == 1) {
    queue.run(kernel::scale, share, mean);
  } else if (queue.device == ranks.device()) {
    ranks.all_reduce(mean, share);
  } else {
    const Tensor host = Tensor::empty(Device::cpu, DType::f32, {mean.numel()});
    queue.run(kernel::copy_to_host, mean, host.view().data);
    ranks.all_reduce(host, share);
    queue.run(kernel::copy_from_host, host.view().data, mean);
  }
}

}  // namespace skein
