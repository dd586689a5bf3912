#include "engine/tensor.h"

#include <algorithm>
#include <atomic>

#include "base/check.h"

namespace skein {
namespace {

std::shared_ptr<void> allocate(Device d, size_t bytes) {
  if (d == Device::cuda) return {cuda::allocate(bytes), cuda::release};
  return {cpu::allocate(bytes), cpu::release};
}

View make_view(void* data, DType t, const Shape& s) {
  View v{data, t, {}};
  std::copy(s.dims.begin(), s.dims.end(), v.dims);
  return v;
}

template <class T>
Tensor copy_of(Device d, DType t, std::span<const T> values, const Shape& s) {
  CHECK(int64_t(values.size()) == s.numel(), "{} values for a tensor of {}", values.size(), s.numel());
  Tensor out = Tensor::empty(d, t, s);
  Queue{d}.run(kernel::copy_from_host, values.data(), out);
  return out;
}

}  // namespace

size_t padded_bytes(DType t, const Shape& s) {
  constexpr size_t kPadding = 256;
  return (std::max<size_t>(size_t(s.numel()) * size_of(t), 1) + kPadding - 1) / kPadding * kPadding;
}

Tensor Tensor::empty(Device d, DType t, Shape s) {
  auto memory = allocate(d, padded_bytes(t, s));
  void* data = memory.get();
  return {d, make_view(data, t, s), std::move(memory)};
}

// Addresses from 2^60 upwards, which no process can use.
Tensor Tensor::meta(Device d, DType t, Shape s) {
  static std::atomic<uintptr_t> next{uintptr_t(1) << 60};
  return {d, make_view(reinterpret_cast<void*>(next.fetch_add(padded_bytes(t, s))), t, s), nullptr};
}

Tensor Tensor::at(void* data, DType t, const Shape& s) const { return {device_, make_view(data, t, s), storage_}; }

Tensor Tensor::zeros(Device d, DType t, Shape s) {
  Tensor out = empty(d, t, s);
  Queue{d}.run(kernel::zero, out);
  return out;
}

Tensor Tensor::from(Device d, std::span<const float> values, Shape s) { return copy_of(d, DType::f32, values, s); }

Tensor Tensor::from(Device d, std::span<const int32_t> values, Shape s) { return copy_of(d, DType::i32, values, s); }

Shape Tensor::shape() const {
  Shape s;
  std::copy(view_.dims, view_.dims + 4, s.dims.begin());
  return s;
}

Tensor Tensor::slice(int64_t begin, Shape s) const {
  CHECK(begin >= 0 && begin + s.numel() <= numel(), "slice [{}, {}) of {}", begin, begin + s.numel(), numel());
  return {device_, make_view(view_.as<char>() + size_t(begin) * size_of(dtype()), dtype(), s), storage_};
}

std::vector<float> Tensor::to_vector() const {
  CHECK(dtype() == DType::f32, "only f32 tensors are read back as floats");
  std::vector<float> out(static_cast<size_t>(numel()));
  const Queue queue{device_};
  queue.run(kernel::copy_to_host, view_, out.data());
  queue.run(kernel::synchronize);
  return out;
}

Tensor Tensor::to_host() const {
  if (!defined() || device_ == Device::cpu) return *this;
  Tensor out = empty(Device::cpu, dtype(), shape());
  cuda::copy_to_host(nullptr, view_, out.view_.data);
  return out;
}

float* Tensor::host() const {
  CHECK(dtype() == DType::f32 && device_ == Device::cpu, "only f32 tensors on the CPU are read in place");
  return view_.as<float>();
}

}  // namespace skein
