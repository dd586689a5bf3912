#include "comm/ordered_sum.h"

#include <algorithm>

#include "engine/peer_memory.h"
#include "kernels/all_sum.h"

namespace skein {
namespace {

// `length` numbers from `begin` on that lie within a vector of n.
View part_of(View v, int64_t begin, int64_t length) {
  const int64_t first = std::min(begin, v.numel()), last = std::min(begin + length, v.numel());
  return {v.as<float>() + first, DType::f32, {1, 1, 1, last - first}};
}

}  // namespace

void OrderedSum::run(std::span<const View> own, View to, float scale, Communicator& processes, Queue queue) {
  const int64_t n = to.numel(), size = processes.size(), each = int64_t(own.size());
  if (n == 0) return;
  const int64_t length = (n + size - 1) / size;  // of a shard; what is behind the end of the vectors is not used
  const bool staged = queue.device != processes.device();
  const Queue there = staged ? Queue{processes.device()} : queue;
  const auto numbers = [&](Tensor& kept, int64_t count) {
    if (!kept.defined() || kept.numel() < count) kept = Tensor::zeros(there.device, DType::f32, {count});
    return kept.slice(0, {count});
  };
  const Tensor sent = numbers(sent_, size * each * length), received = numbers(received_, size * each * length);
  const Tensor sum = numbers(sum_, length), sums = numbers(sums_, size * length);
  PeerMemory memory(queue);
  for (int64_t p = 0; p < size; ++p)
    for (int64_t i = 0; i < each; ++i) {
      const View from = part_of(own[size_t(i)], p * length, length);
      const View part = sent.slice((p * each + i) * length, {from.numel()});
      if (from.numel() == 0) continue;
      if (staged)
        Queue{queue.device}.run(kernel::copy_to_host, from, part.data);
      else
        memory.copy(from, part);
    }
  there.run(kernel::synchronize);
  processes.all_to_all(sent, received);
  std::vector<View> parts;
  for (int64_t r = 0; r < size * each; ++r) parts.push_back(received.slice(r * length, {length}));
  there.run(kernel::sum_to_one, parts, scale, sum);
  there.run(kernel::synchronize);
  processes.all_gather(sum, sums);
  const View all = sums.slice(0, {n});
  if (staged)
    queue.run(kernel::copy_from_host, all.data, to);
  else
    queue.run(kernel::copy, all, to);
  queue.run(kernel::synchronize);
}

}  // namespace skein
