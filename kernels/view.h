// The operands of kernels: views of memory that something else owns. No autograd and no vendor's headers here.
#pragma once

#include <cstddef>
#include <cstdint>

struct CUstream_st;  // cudaStream_t is CUstream_st*; named here so that no CUDA header climbs above this folder

namespace skein {

using Stream = CUstream_st*;  // null on the CPU, where work is done when the call returns

enum class Device : uint8_t { cpu, cuda };
enum class DType : uint8_t { f32, bf16, i32, u8 };

constexpr size_t size_of(DType t) { return t == DType::u8 ? 1 : t == DType::bf16 ? 2 : 4; }

// A dense row-major block of memory; images are (N,H,W,C), weights (out, kernel, kernel, in), vectors (1,1,1,n).
// A value: copied freely, also as an argument of a GPU kernel. Null data means "absent" where a contract allows it.
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

}  // namespace skein
