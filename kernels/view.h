// The vocabulary of the kernel layer: what a kernel is handed. No ownership, no autograd, no vendor headers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

struct CUstream_st;  // cudaStream_t is CUstream_st*; named here so that no CUDA header climbs above this folder

namespace skein {

using Stream = CUstream_st*;  // null on the CPU, where work is done when the call returns

enum class Device : uint8_t { cpu, cuda };
enum class DType : uint8_t { f32, bf16, i32, u8 };

constexpr size_t size_of(DType t) { return t == DType::u8 ? 1 : t == DType::bf16 ? 2 : 4; }

// A dense row-major block of memory; images are (N,H,W,C), weights (out, kernel, kernel, in), vectors (1,1,1,n).
// A value: copied freely, also into kernels. `data` null means "absent" wherever a declaration allows it.
struct View {
  void* data = nullptr;
  DType dtype = DType::f32;
  int64_t dims[4] = {1, 1, 1, 1};

  int64_t numel() const { return dims[0] * dims[1] * dims[2] * dims[3]; }
  int64_t rows() const { return dims[0] * dims[1] * dims[2]; }
  int64_t channels() const { return dims[3]; }
  size_t bytes() const { return size_t(numel()) * size_of(dtype); }
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
  explicit operator bool() const { return data != nullptr; }
};

// Where work runs: a device and, on a GPU, the stream that orders it. run(cpu::f, cuda::f, args...) is the only place
// where the two back ends meet; both must have the type of the contract or the call does not compile.
struct Queue {
  Device device = Device::cpu;
  Stream stream = nullptr;

  template <class... P, class... A>
  void run(void (*on_cpu)(Stream, P...), void (*on_cuda)(Stream, P...), A&&... args) const {
    (device == Device::cuda ? on_cuda : on_cpu)(stream, std::forward<A>(args)...);
  }
};

}  // namespace skein
