// The sum over workers that are several in each of several processes, in the order of their ranks:
//
//   to <- scale * (((x_0 + x_1) + x_2) + ...)      x_(p*L+i) is vector i of process p, of L in each
//
// Every process sends its L vectors' parts of a shard to the shard's owner, which adds them all up in order, and gets
// the sums back: the bits are those of L*P ranks, and 2*L*N*(P-1)/P bytes leave a process. (The sum of the L first
// would be fewer bytes and other bits.)
#pragma once

#include <span>

#include "comm/communicator.h"
#include "engine/tensor.h"

namespace skein {

class OrderedSum {
 public:
  // Collective over `processes`, with as many vectors on each: f32, of one size, in the memory of GPUs or of the host,
  // whichever the queue's device is. They are staged where the communicator is of host memory. `to` may be one of them.
  // The queue's work is done when the call returns. Memory is kept for the next call.
  void run(std::span<const View> own, View to, float scale, Communicator& processes, Queue queue);

 private:
  Tensor sent_, received_, sum_, sums_;
};

}  // namespace skein
