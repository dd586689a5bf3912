// Device built-ins for .cu files that are compiled as C++ for the emulator, on top of the toolkit's own headers. Every
// thread of a block is an ordinary call of the kernel; at a barrier or a warp operation it is suspended on a stack of
// its own. The emulator is stricter than a GPU. Undefined behaviour (a barrier that a thread skips, a mask with a lane
// that has exited) is a fault that names the source line, the block and the thread; shared memory starts as NaN.
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <tuple>
#include <type_traits>
#include <vector>

#include "kernels/view.h"

#define __launch_bounds__(...)
// The attribute is disabled: it cannot tell the size of the array, which the emulator needs to poison and guard it.
#undef __shared__
#define __shared__ write_SHARED_of_gpu_h_instead_of_this
#define SHARED(type, name, extent) auto& name = ::skein::cuda::emulator::shared<type extent>([] {})

// Set by the scheduler before it runs a thread.
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

namespace skein::cuda::emulator {

// Source line of a barrier or warp operation, for messages.
struct SourceLine {
  const char* file = "";
  int line = 0;
};

enum class WarpOp : uint8_t { sync, shuffle, ballot, exchange };
using Words = std::array<uint32_t, 6>;  // a lane's contribution to an exchange

void block_barrier(SourceLine);
uint64_t warp_operation(WarpOp, unsigned mask, uint64_t value, int source_lane, SourceLine);
// Contributions of all lanes of the warp, by lane; valid until the warp's next exchange.
const std::array<Words, 32>& warp_exchange(const Words& own, SourceLine);
int lane();
void* shared_memory(const void* site, size_t bytes);  // of the running block, the same for all its threads

template <class Array, class Site>
Array& shared(Site) {
  static char site;  // its address identifies the declaration and instantiation
  return *static_cast<Array*>(shared_memory(&site, sizeof(Array)));
}

template <class T>
T shuffle(unsigned mask, T value, int source_lane, SourceLine at) {
  static_assert(sizeof(T) <= 8 && std::is_trivially_copyable_v<T>);
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = warp_operation(WarpOp::shuffle, mask, bits, source_lane, at);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

// Pointers among the arguments of a kernel: each must be null or point into device or pinned memory. Those within other
// structs than Views are seen where the struct lists them: template <class F> void for_each_pointer(F f) const.
struct Pointers {
  std::vector<const void*> all;
  template <class T>
  void collect(const T& argument) {
    if constexpr (std::is_same_v<T, View>)
      add(argument.data);
    else if constexpr (std::is_pointer_v<T>)
      add(argument);
    else if constexpr (requires { argument.for_each_pointer([](const void*) {}); })
      argument.for_each_pointer([this](const void* p) { add(p); });
  }

 private:
  void add(const void* pointer) {
    if (pointer) all.push_back(pointer);
  }
};

cudaError_t launch_body(std::function<void()> body, const void* kernel, const Pointers&, unsigned grid, int block,
                        cudaStream_t);

// Emulated cudaLaunchKernelEx: rejects configurations that no device supports, else enqueues the kernel on the stream.
// The arguments are copied now, as CUDA does.
template <class... P>
cudaError_t launch(void (*kernel)(P...), unsigned grid, int block, cudaStream_t stream,
                   std::type_identity_t<P>... args) {
  Pointers pointers;
  (pointers.collect(args), ...);
  return launch_body([kernel, arguments = std::tuple<P...>(args...)] { std::apply(kernel, arguments); },
                     reinterpret_cast<const void*>(kernel), pointers, grid, block, stream);
}

}  // namespace skein::cuda::emulator

#define SKEIN_SOURCE_LINE const char *file = __builtin_FILE(), int line = __builtin_LINE()

inline void __syncthreads(SKEIN_SOURCE_LINE) { skein::cuda::emulator::block_barrier({file, line}); }

inline void __syncwarp(unsigned mask = 0xffffffffu, SKEIN_SOURCE_LINE) {
  skein::cuda::emulator::warp_operation(skein::cuda::emulator::WarpOp::sync, mask, 0, 0, {file, line});
}

inline unsigned __ballot_sync(unsigned mask, int predicate, SKEIN_SOURCE_LINE) {
  using namespace skein::cuda::emulator;
  return unsigned(warp_operation(WarpOp::ballot, mask, predicate != 0, 0, {file, line}));
}

template <class T>
T __shfl_sync(unsigned mask, T value, int source_lane, SKEIN_SOURCE_LINE) {
  return skein::cuda::emulator::shuffle(mask, value, source_lane & 31, {file, line});
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, SKEIN_SOURCE_LINE) {
  return skein::cuda::emulator::shuffle(mask, value, skein::cuda::emulator::lane() ^ lanes, {file, line});
}

#undef SKEIN_SOURCE_LINE

inline int __popc(unsigned x) { return __builtin_popcount(x); }

// Orders memory, unlike CUDA's: the emulator detects races, not missing memory fences.
template <class T>
T atomicAdd(T* p, std::type_identity_t<T> v) {
  if constexpr (std::is_integral_v<T>) return __atomic_fetch_add(p, v, __ATOMIC_ACQ_REL);
  T before, after;
  __atomic_load(p, &before, __ATOMIC_RELAXED);
  do after = before + v;
  while (!__atomic_compare_exchange(p, &before, &after, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
  return before;
}
