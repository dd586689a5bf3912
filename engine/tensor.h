// A Tensor is a View and a share in the storage behind it. Always dense and row-major: a slice of the flat data is a
// view, everything else is a copy made by a kernel.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kernels/queue.h"
#include "kernels/runtime.h"
#include "kernels/shape.h"
#include "kernels/view.h"

namespace skein {

// Bytes of memory that a tensor takes: whole blocks of 256, at least one.
size_t padded_bytes(DType t, const Shape& s);

class Tensor {
 public:
  Tensor() = default;
  static Tensor empty(Device, DType, Shape);  // fresh memory, contents undefined
  static Tensor meta(Device, DType, Shape);   // an address of its own with no memory behind it: to plan with
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
  Tensor to_host() const;                // itself on the CPU, else a copy there
  std::vector<float> to_vector() const;  // f32 only; copies to the host, synchronises
  float* host() const;                   // f32 on the CPU only

 private:
  friend class Arena;
  Tensor at(void* data, DType, const Shape&) const;  // a piece of this storage
  Tensor(Device d, View v, std::shared_ptr<void> storage) : device_(d), view_(v), storage_(std::move(storage)) {}
  Device device_ = Device::cpu;
  View view_;
  std::shared_ptr<void> storage_;
};

}  // namespace skein
