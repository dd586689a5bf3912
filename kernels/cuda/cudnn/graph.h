// RAII types for cuDNN's backend (graph) API. The chain is always
//   tensors, operations -> operation graph -> heuristics -> engine configuration -> plan -> execute
// for a GPU that is present (a handle) as well as for one that is only described (JSON): see Target. Errors: RunFailed.
#pragma once

#include <array>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/cuda/cudnn/api.h"
#include "kernels/device/conv_plan.h"

namespace skein::cuda {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(cudnnBackendDescriptorType_t);
  Descriptor(Descriptor&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  ~Descriptor();
  cudnnBackendDescriptor_t raw() const { return raw_; }

  Descriptor& set(cudnnBackendAttributeName_t, cudnnBackendAttributeType_t, int64_t count, const void* values);
  Descriptor& set(cudnnBackendAttributeName_t, std::initializer_list<int64_t> values);
  Descriptor& set(cudnnBackendAttributeName_t, const Descriptor&);
  Descriptor& set(cudnnBackendAttributeName_t, DType);
  Descriptor& set(cudnnBackendAttributeName_t, cudnnHandle_t);
  Descriptor& set(cudnnBackendAttributeName_t, const std::string& json);
  Descriptor& finalize();
  int64_t integer(cudnnBackendAttributeName_t) const;
  std::string json(cudnnBackendAttributeName_t) const;

 private:
  cudnnBackendDescriptor_t raw_ = nullptr;
};

// GPU that plans are made for: a handle or, if that is null, a description.
struct Target {
  cudnnHandle_t handle = nullptr;
  const Descriptor* description = nullptr;
  std::string name;  // for messages
};

// Tensor in cuDNN's order of dimensions (N,C,H,W); in memory it is N,H,W,C. Virtual tensors exist only between two
// operations of one graph and have no memory.
struct TensorSpec {
  int64_t uid;
  DType dtype;
  std::array<int64_t, 4> dims, strides;
  bool is_virtual = false;
  bool operator==(const TensorSpec&) const = default;
};
TensorSpec channels_last(int64_t uid, DType, int64_t n, int64_t c, int64_t h, int64_t w);
constexpr int64_t kAlignment = 16;  // bytes, of every tensor that is not virtual

// Builder of an operation graph. It refuses what cuDNN would silently compute as something else: layouts other than
// channels last, weights with fewer channels than x (groups), one uid for two tensors.
class OperationGraph {
 public:
  void convolution(ConvPass, const TensorSpec& x, const TensorSpec& w, const TensorSpec& y, ConvGeometry);
  void pointwise(cudnnPointwiseMode_t, const TensorSpec& in, const TensorSpec& out);
  const Descriptor& finish(const Target&);

 private:
  const Descriptor& input(const TensorSpec&);
  const Descriptor& output(const TensorSpec&);
  const Descriptor& add_tensor(const TensorSpec&);
  std::vector<std::pair<TensorSpec, std::unique_ptr<Descriptor>>> tensors_;
  std::vector<Descriptor> settings_, operations_;
  Descriptor graph_;
};

}  // namespace skein::cuda
