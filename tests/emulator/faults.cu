#include "kernels/cuda/dialect/gpu.h"
#include "tests/emulator/faults.h"

namespace skein::faults {
namespace {

__global__ void shift_kernel(const float* x, float* y, bool barrier) {
  SHARED(float, line, [kThreads]);
  const unsigned t = threadIdx.x;
  line[t] = x[t];
  if (barrier) __syncthreads();
  y[t] = t == 0 ? 0.0f : line[t - 1];
}

__global__ void rotate_kernel(const float* x, float* y, bool barrier) {
  SHARED(float, line, [cuda::kBlock]);
  const unsigned t = threadIdx.x;
  line[t] = x[t];
  __syncthreads();
  const float next = line[(t + 1) % cuda::kBlock];
  if (barrier) __syncthreads();
  line[t] = next;
  y[t] = line[t];
}

__global__ void sum_kernel(const float* x, float* y, bool atomic) {
  const float v = x[blockIdx.x * blockDim.x + threadIdx.x];
  if (atomic)
    atomicAdd(y, v);
  else
    *y += v;
}

__global__ void neighbour_kernel(const float* x, float* y, bool sync) {
  SHARED(float, line, [kThreads]);
  const unsigned t = threadIdx.x;
  line[t] = x[t];
  if (sync) __syncwarp();
  y[t] = line[t ^ 1];
}

__global__ void copy_kernel(const float* x, float* y, int64_t last) {
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i <= last) y[i] = x[i];
}

__global__ void positive_kernel(const float* x, float* y) {
  if (*x > 0.0f) *y = *x;
}

__global__ void read_shared_kernel(float* y, int written) {
  SHARED(float, line, [32]);
  const int t = int(threadIdx.x);
  if (t < written) line[t] = float(t);
  __syncthreads();
  if (line[t] >= 0.0f) y[t] = line[t];
}

__global__ void write_shared_kernel(float* y, int at) {
  SHARED(float, first, [33]);
  SHARED(float, line, [32]);
  first[0] = 1.0f;
  float* const element = line + at;  // a pointer, so that AddressSanitizer and not UBSan detects the overrun
  *element = 2.0f;
  *y = first[0] + *element;
}

__global__ void count_lanes_kernel(float* y, int exit, unsigned mask) {
  if (int(threadIdx.x) < exit) return;
  const unsigned all = __ballot_sync(mask, 1);
  if (threadIdx.x == unsigned(exit)) *y = float(__popc(all));
}

__global__ void sync_lanes_kernel(int from, unsigned mask) {
  if (int(threadIdx.x) >= from) __syncwarp(mask);
  __syncthreads();
}

__global__ void shuffle_from_kernel(float* y, int source, unsigned mask) {
  if (!(mask >> threadIdx.x & 1)) return;
  y[threadIdx.x] = __shfl_sync(mask, float(threadIdx.x), source);
}

__global__ void skip_barrier_kernel(int from) {
  if (int(threadIdx.x) >= from) return;
  __syncthreads();
}

__global__ void two_barriers_kernel(int from) {
  if (int(threadIdx.x) >= from)
    __syncthreads();
  else
    __syncthreads();
}

__global__ void huge_shared_kernel() {
  SHARED(float, tile, [13][1024]);
  tile[0][0] = 0.0f;
}

__global__ void add_kernel(float a, float* y) { *y += a; }

struct Hidden {
  float a;
  float* y;
};
__global__ void add_hidden_kernel(Hidden h) { *h.y += h.a; }

__global__ void empty_kernel() {}

}  // namespace

using cuda::launch;

void shift(Stream s, const float* x, float* y, bool barrier) { launch(shift_kernel, 1, kThreads, s, x, y, barrier); }
void rotate(Stream s, const float* x, float* y, bool barrier) {
  launch(rotate_kernel, 1, cuda::kBlock, s, x, y, barrier);
}
void sum(Stream s, const float* x, float* y, int64_t blocks, bool atomic) {
  launch(sum_kernel, blocks, kThreads, s, x, y, atomic);
}
void neighbour(Stream s, const float* x, float* y, bool sync) { launch(neighbour_kernel, 1, kThreads, s, x, y, sync); }
void copy(Stream s, const float* x, float* y, int64_t last) {
  launch(copy_kernel, cuda::ceil_div(last + 1, kThreads), kThreads, s, x, y, last);
}
void positive(Stream s, const float* x, float* y) { launch(positive_kernel, 1, 1, s, x, y); }
void read_shared(Stream s, float* y, int threads, int written) {
  launch(read_shared_kernel, 1, threads, s, y, written);
}
void write_shared(Stream s, float* y, int at) { launch(write_shared_kernel, 1, 1, s, y, at); }
void count_lanes(Stream s, float* y, int exit, unsigned mask) { launch(count_lanes_kernel, 1, 32, s, y, exit, mask); }
void sync_lanes(Stream s, int from, unsigned mask) { launch(sync_lanes_kernel, 1, kThreads, s, from, mask); }
void shuffle_from(Stream s, float* y, int source, unsigned mask) {
  launch(shuffle_from_kernel, 1, 32, s, y, source, mask);
}
void skip_barrier(Stream s, int from) { launch(skip_barrier_kernel, 2, kThreads, s, from); }
void two_barriers(Stream s, int from) { launch(two_barriers_kernel, 1, kThreads, s, from); }
void huge_shared(Stream s) { launch(huge_shared_kernel, 1, 1, s); }
void add(Stream s, float a, float* y) { launch(add_kernel, 1, 1, s, a, y); }
void add_hidden(Stream s, float a, float* y) { launch(add_hidden_kernel, 1, 1, s, Hidden{a, y}); }
void launch_empty(Stream s, int64_t blocks, int threads) { launch(empty_kernel, blocks, threads, s); }

}  // namespace skein::faults
