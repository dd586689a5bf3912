// The mean of a flat vector over all K workers of a run, the average of algorithm 1:
//
//   mean <- (((x_0 + x_1) + x_2) + ...) * (1/K)
//
// in the order of the workers' ranks and rounded after every sum, so the bits do not depend on the transport nor on
// whether the workers are threads of one process or processes.
#pragma once

#include <span>

#include "comm/communicator.h"
#include "engine/tensor.h"

namespace skein {

// Collective over `ranks`. own: the vectors of this process's workers, in rank order, as many on every rank: the
// K workers of one process behind a communicator of size 1, or one worker behind each rank. f32, all of one size, in
// the memory of the queue's device. mean may be own[0]. Views on a GPU are staged where the communicator is of host
// memory.
void mean_over_workers(std::span<const View> own, View mean, Communicator& ranks, Queue queue);

}  // namespace skein
