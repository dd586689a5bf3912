#include "kernels/cuda/cudnn/graph.h"

namespace skein::cuda {
namespace {

cudnnDataType_t data_type(DType t) {
  CHECK(t == DType::f32 || t == DType::bf16, "cuDNN is given f32 and bf16 only");
  return t == DType::f32 ? CUDNN_DATA_FLOAT : CUDNN_DATA_BFLOAT16;
}

}  // namespace

Descriptor::Descriptor(cudnnBackendDescriptorType_t type) { CUDNN_CHECK(cudnn().create_descriptor(type, &raw_)); }

Descriptor::~Descriptor() {
  if (raw_) cudnn().destroy_descriptor(raw_);
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
                            const void* values) {
  if (const cudnnStatus_t status = cudnn().set_attribute(raw_, name, type, count, values))
    cudnn_failed(status, fmt::format("set_attribute({})", int(name)).c_str(), __FILE__, __LINE__);
  return *this;
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, std::initializer_list<int64_t> values) {
  return set(name, CUDNN_TYPE_INT64, int64_t(values.size()), values.begin());
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, const Descriptor& other) {
  const cudnnBackendDescriptor_t raw = other.raw();
  return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &raw);
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, DType t) {
  const cudnnDataType_t type = data_type(t);
  return set(name, CUDNN_TYPE_DATA_TYPE, 1, &type);
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, cudnnHandle_t handle) {
  return set(name, CUDNN_TYPE_HANDLE, 1, &handle);
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, const std::string& json) {
  return set(name, CUDNN_TYPE_CHAR, int64_t(json.size()), json.data());
}

Descriptor& Descriptor::finalize() {
  CUDNN_CHECK(cudnn().finalize(raw_));
  return *this;
}

int64_t Descriptor::integer(cudnnBackendAttributeName_t name) const {
  int64_t value = 0, count = 0;
  CUDNN_CHECK(cudnn().get_attribute(raw_, name, CUDNN_TYPE_INT64, 1, &count, &value));
  return value;
}

std::string Descriptor::json(cudnnBackendAttributeName_t name) const {
  int64_t size = 0;
  CUDNN_CHECK(cudnn().get_attribute(raw_, name, CUDNN_TYPE_CHAR, 0, &size, nullptr));
  std::string text(static_cast<size_t>(size), '\0');
  CUDNN_CHECK(cudnn().get_attribute(raw_, name, CUDNN_TYPE_CHAR, size, &size, text.data()));
  while (text.ends_with('\0')) text.pop_back();
  return text;
}

TensorSpec channels_last(int64_t uid, DType dtype, int64_t n, int64_t c, int64_t h, int64_t w) {
  return {uid, dtype, {n, c, h, w}, {c * h * w, 1, c * w, c}};
}

const Descriptor& OperationGraph::add_tensor(const TensorSpec& t) {
  const auto& [n, c, h, w] = t.dims;
  CHECK(t.strides == channels_last(t.uid, t.dtype, n, c, h, w).strides, "tensor {} is not channels last", t.uid);
  auto d = std::make_unique<Descriptor>(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  d->set(CUDNN_ATTR_TENSOR_DATA_TYPE, t.dtype)
      .set(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, t.dims.data())
      .set(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, t.strides.data())
      .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, {t.uid})
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, {kAlignment});
  if (t.is_virtual) d->set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &t.is_virtual);
  d->finalize();
  return *tensors_.emplace_back(t, std::move(d)).second;
}

const Descriptor& OperationGraph::input(const TensorSpec& t) {
  for (const auto& [spec, descriptor] : tensors_)
    if (spec.uid == t.uid) {
      CHECK(spec == t && t.is_virtual, "two tensors of one graph have the uid {}", t.uid);
      return *descriptor;
    }
  CHECK(!t.is_virtual, "nothing makes the virtual tensor {}", t.uid);
  return add_tensor(t);
}

const Descriptor& OperationGraph::output(const TensorSpec& t) {
  for (const auto& [spec, descriptor] : tensors_)
    CHECK(spec.uid != t.uid, "two tensors of one graph have the uid {}", t.uid);
  return add_tensor(t);
}

namespace {

struct ConvolutionNames {
  cudnnBackendDescriptorType_t operation;
  cudnnBackendAttributeName_t x, w, y, settings, alpha, beta;
};
constexpr ConvolutionNames kForward = {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                                       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                                       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                                       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                                       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                                       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                                       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
constexpr ConvolutionNames kBackwardData = {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
                                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
                                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
constexpr ConvolutionNames kBackwardWeights = {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
                                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
                                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
                                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
                                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
                                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};

Descriptor convolution_settings(ConvGeometry g) {
  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  Descriptor d(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  d.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, DType::f32)
      .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode)
      .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, {g.padding, g.padding})
      .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, {g.padding, g.padding})
      .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, {g.stride, g.stride})
      .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, {1, 1})
      .set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, {2})
      .finalize();
  return d;
}

}  // namespace

void OperationGraph::convolution(ConvPass pass, const TensorSpec& x, const TensorSpec& w, const TensorSpec& y,
                                 ConvGeometry g) {
  CHECK(x.dims[1] == w.dims[1], "x has {} channels, the weights {}: groups are not meant", x.dims[1], w.dims[1]);
  const bool to_x = pass == ConvPass::backward_data, to_w = pass == ConvPass::backward_weights;
  const ConvolutionNames& names = to_x ? kBackwardData : to_w ? kBackwardWeights : kForward;
  const TensorSpec& result = to_x ? x : to_w ? w : y;
  const Descriptor& settings = settings_.emplace_back(convolution_settings(g));
  const float one = 1, zero = 0;
  Descriptor operation(names.operation);
  // Inputs first: an output must be new to the graph.
  const std::pair<cudnnBackendAttributeName_t, const TensorSpec*> operands[] = {
      {names.x, &x}, {names.w, &w}, {names.y, &y}};
  for (const auto& [name, spec] : operands)
    if (spec != &result) operation.set(name, input(*spec));
  for (const auto& [name, spec] : operands)
    if (spec == &result) operation.set(name, output(*spec));
  operation.set(names.settings, settings)
      .set(names.alpha, CUDNN_TYPE_FLOAT, 1, &one)
      .set(names.beta, CUDNN_TYPE_FLOAT, 1, &zero)
      .finalize();
  operations_.push_back(std::move(operation));
}

void OperationGraph::pointwise(cudnnPointwiseMode_t mode, const TensorSpec& in, const TensorSpec& out) {
  Descriptor& settings = settings_.emplace_back(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  settings.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode)
      .set(CUDNN_ATTR_POINTWISE_MATH_PREC, DType::f32)
      .finalize();
  Descriptor operation(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, settings)
      .set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, input(in))
      .set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, output(out))
      .finalize();
  operations_.push_back(std::move(operation));
}

const Descriptor& OperationGraph::finish(const Target& target) {
  graph_ = Descriptor(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  std::vector<cudnnBackendDescriptor_t> raw;
  for (const Descriptor& operation : operations_) raw.push_back(operation.raw());
  if (target.handle) graph_.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, target.handle);
  graph_.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, int64_t(raw.size()), raw.data());
  return graph_.finalize();
}

}  // namespace skein::cuda
