#include "local_sgd/worker_mean.h"

#include "comm/ordered_sum.h"
#include "engine/peer_memory.h"
#include "kernels/device/runtime.h"
#include "kernels/vector.h"

namespace skein {
namespace {

// Of this process's workers alone: unscaled.
void sum_own(std::span<const View> own, View sum, Queue queue) {
  PeerMemory memory(queue);
  memory.copy(own[0], sum);
  for (const View& x : own.subspan(1)) queue.run(kernel::axpy, 1.0f, memory.readable({&x, 1})[0], sum);
  memory.finish();
}

}  // namespace

void mean_over_workers(std::span<const View> own, View mean, Communicator& ranks, Queue queue) {
  const float share = 1.0f / (float(own.size()) * float(ranks.size()));
  if (ranks.size() > 1 && own.size() > 1) return OrderedSum().run(own, mean, share, ranks, queue);
  sum_own(own, mean, queue);
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
