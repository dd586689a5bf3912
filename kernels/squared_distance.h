// Squared Euclidean distance between two flat vectors, or the squared length of one:
//
//   sum = sum over i of (x_i - y_i)^2          y absent: of x_i^2
//
// x and y (n), sum (1), f32. A difference is rounded to f32. The CPU adds squares in double over fixed chunks, then the
// chunks in order: the same bits for any number of threads. CUDA adds in f32, in an order that depends on the GPU;
// nothing waits for the device. Bytes: each operand is read once.
#pragma once

#include "kernels/kernel.h"

namespace skein {

using SquaredDistance = void(Stream, View x, View y, View sum);

SKEIN_KERNEL(squared_distance, SquaredDistance, each_once);

}  // namespace skein
