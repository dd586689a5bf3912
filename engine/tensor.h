// A Tensor is a View and shared ownership of the memory behind it. Always dense and row-major: a slice of the flat data
// is a view; any other part must be copied by a kernel.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kernels/device/queue.h"
#include "kernels/device/runtime.h"
#include "kernels/shape.h"
#include "kernels/view.h"

namespace skein {

// Bytes of memory of a tensor: a multiple of 256, at least 256.
size_t padded_bytes(DType t, const Shape& s);

class Tensor {
 public:
  Tensor() = default;
  static Tensor empty(Device, DType, Shape);  // new memory, contents undefined
  static Tensor meta(Device, DType, Shape);   // a unique address without memory, for dry runs
  static Tensor zeros(Device, DType, Shape);
  static Tensor from(Device, std::span<const float>, Shape);
  static Tensor from(Device, std::span<const int32_t>, Shape);

  bool defined() const { return view_.data != nullptr; }
  Device device() const { return device_; }
  DType dtype() const { return view_.dtype; }
  Shape shape() const;
  int64_t numel() const { return view_.numel(); }
  View view() const { return view_; }
  operator View() const { return view_; }

  Tensor slice(int64_t begin, Shape) const;  // elements [begin, begin + shape.numel()) of the flat data
  Tensor reshape(Shape s) const { return slice(0, s); }
  Tensor to_host() const;                // this tensor if it is on the CPU, else a copy there; synchronises
  std::vector<float> to_vector() const;  // f32 only; copies to the host, synchronises
  float* host() const;                   // f32 on the CPU only

 private:
  friend class Arena;
  Tensor at(void* data, DType, const Shape&) const;  // part of the memory of this tensor
  Tensor(Device d, View v, std::shared_ptr<void> storage) : device_(d), view_(v), storage_(std::move(storage)) {}
  Device device_ = Device::cpu;
  View view_;
  std::shared_ptr<void> storage_;
};

}  // namespace skein
