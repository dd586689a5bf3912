#include "engine/tensor.h"

#include <algorithm>

#include "kernels/check.h"

namespace skein {
namespace {

constexpr size_t kAlignment = 256, kChunk = size_t(64) << 20;

std::shared_ptr<void> allocate(Device d, size_t bytes) {
  if (d == Device::cuda) return {cuda::allocate(bytes), cuda::release};
  return {cpu::allocate(bytes), cpu::release};
}

View make_view(void* data, DType t, const Shape& s) {
  View v{data, t, {}};
  std::copy(s.dims.begin(), s.dims.end(), v.dims);
  return v;
}

size_t padded_bytes(DType t, const Shape& s) {
  return (std::max<size_t>(size_t(s.numel()) * size_of(t), 1) + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

Shape::Shape(std::initializer_list<int64_t> d) {
  CHECK(d.size() <= 4, "a shape has at most 4 dimensions, not {}", d.size());
  std::copy(d.begin(), d.end(), dims.end() - std::ptrdiff_t(d.size()));
}

Tensor Tensor::empty(Device d, DType t, Shape s) {
  auto memory = allocate(d, padded_bytes(t, s));
  void* data = memory.get();
  return {d, make_view(data, t, s), std::move(memory)};
}

Tensor Tensor::zeros(Device d, DType t, Shape s) {
  Tensor out = empty(d, t, s);
  Queue{d}.run(cpu::zero, cuda::zero, out);
  return out;
}

Tensor Tensor::from(Device d, std::span<const float> values, Shape s) {
  CHECK(int64_t(values.size()) == s.numel(), "{} values for a tensor of {}", values.size(), s.numel());
  Tensor out = empty(d, DType::f32, s);
  Queue{d}.run(cpu::copy_from_host, cuda::copy_from_host, values.data(), out);
  return out;
}

Tensor Tensor::from(Device d, std::span<const int32_t> values, Shape s) {
  CHECK(int64_t(values.size()) == s.numel(), "{} values for a tensor of {}", values.size(), s.numel());
  Tensor out = empty(d, DType::i32, s);
  Queue{d}.run(cpu::copy_from_host, cuda::copy_from_host, values.data(), out);
  return out;
}

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
  queue.run(cpu::copy_to_host, cuda::copy_to_host, view_, out.data());
  queue.run(cpu::synchronize, cuda::synchronize);
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

void* Arena::bump(size_t bytes, std::shared_ptr<void>& owner) {
  while (chunk_ < chunks_.size() && offset_ + bytes > chunks_[chunk_].size) ++chunk_, offset_ = 0;
  if (chunk_ == chunks_.size()) {
    const size_t size = std::max(bytes, kChunk);
    chunks_.push_back({allocate(device_, size), size});
  }
  owner = chunks_[chunk_].memory;
  void* data = static_cast<char*>(owner.get()) + offset_;
  offset_ += bytes;
  return data;
}

Tensor Arena::take(DType t, Shape s) {
  const size_t bytes = padded_bytes(t, s);
  void* data = nullptr;
  std::shared_ptr<void> owner;
  if (auto& same_size = returned_[bytes]; !same_size.empty()) {
    std::tie(data, owner) = std::move(same_size.back());
    same_size.pop_back();
  } else {
    data = bump(bytes, owner);
  }
  in_use_ += bytes;
  peak_ = std::max(peak_, in_use_);
  return {device_, make_view(data, t, s), std::move(owner)};
}

void Arena::give_back(const Tensor& x) {
  const size_t bytes = padded_bytes(x.dtype(), x.shape());
  returned_[bytes].emplace_back(x.view_.data, x.storage_);
  in_use_ -= bytes;
}

void Arena::reset() {
  for (auto& [bytes, list] : returned_) list.clear();
  chunk_ = offset_ = in_use_ = 0;
}

}  // namespace skein
