#include "engine/onnx/recording.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "engine/onnx/trace.h"
#include "kernels/average_pool.h"
#include "kernels/batch_norm.h"
#include "kernels/conv.h"
#include "kernels/dense_block.h"
#include "kernels/downsample.h"
#include "kernels/global_average_pool.h"
#include "kernels/linear.h"
#include "kernels/max_pool.h"
#include "kernels/vector.h"

namespace skein {
namespace {

using Dims = std::vector<int64_t>;

// Attributes of a window of k x k with stride s and padding p.
std::vector<OnnxAttribute> window(int64_t k, int64_t s, int64_t p) {
  return {{"kernel_shape", Dims{k, k}}, {"strides", Dims{s, s}}, {"pads", Dims{p, p, p, p}}};
}

std::string batch_norm(OnnxTrace& t, const std::string& x, View gamma, View beta, float eps, View mean, View var) {
  return t.node("BatchNormalization", {x, t.constant(gamma), t.constant(beta), t.constant(mean), t.constant(var)},
                {{"epsilon", eps}});
}

void conv_forward(OnnxTrace& t, View x, View w, ConvGeometry g, View y) {
  t.write(y, t.node("Conv", {t.value(x), t.constant(w)}, window(w.dims[1], g.stride, g.padding)));
}

void batch_norm_inference(OnnxTrace& t, View x, View gamma, View beta, View residual, bool relu, float eps,
                          BatchNormRunning running, View y) {
  std::string out = batch_norm(t, t.value(x), gamma, beta, eps, running.mean, running.var);
  if (residual) out = t.node("Add", {out, t.value(residual)});
  if (relu) out = t.node("Relu", {out});
  t.write(y, out);
}

void dense_append(OnnxTrace& t, View x, int64_t first, View features, DenseStats) { t.append(features, first, x); }

void dense_norm(OnnxTrace& t, View features, DenseStats running, View gamma, View beta, float eps, BatchNormRunning,
                View y) {
  std::vector<std::string> parts = t.parts(features, y.channels());
  const std::string x = parts.size() == 1 ? parts.front() : t.node("Concat", parts, {{"axis", int64_t{1}}});
  t.write(y, t.node("Relu", {batch_norm(t, x, gamma, beta, eps, running.mean, running.var)}));
}

void relu_forward(OnnxTrace& t, View x, View y) { t.write(y, t.node("Relu", {t.value(x)})); }

void add(OnnxTrace& t, View x, View y, View z) { t.write(z, t.node("Add", {t.value(x), t.value(y)})); }

void axpy(OnnxTrace& t, float a, View x, View y) {
  if (a != 1) throw BadInput("--to onnx: axpy with the factor {} has no translation. Use --to torch", a);
  t.write(y, t.node("Add", {t.value(y), t.value(x)}));
}

void max_pool_forward(OnnxTrace& t, View x, View y, View) {
  t.write(y, t.node("MaxPool", {t.value(x)}, window(3, 2, 1)));
}

void average_pool_forward(OnnxTrace& t, View x, View y) {
  t.write(y, t.node("AveragePool", {t.value(x)}, window(2, 2, 0)));
}

void global_average_pool_forward(OnnxTrace& t, View x, View y) {
  t.write(y, t.node("GlobalAveragePool", {t.value(x)}));
}

void downsample_forward(OnnxTrace& t, View x, int64_t stride, View y) {
  std::string out = t.value(x);
  if (stride > 1) {
    const int64_t end = std::numeric_limits<int64_t>::max();
    out = t.node("Slice", {out, t.constant("starts", {0, 0}), t.constant("ends", {end, end}),
                           t.constant("axes", {2, 3}), t.constant("steps", {stride, stride})});
  }
  if (const int64_t more = y.channels() - x.channels(); more > 0)
    out = t.node("Pad", {out, t.constant("pads", {0, 0, 0, 0, 0, more, 0, 0})});
  t.write(y, out);
}

void linear_forward(OnnxTrace& t, View x, View w, View b, View y) {
  if (x.rows() != t.batch())
    throw BadInput("--to onnx: a linear layer over {} rows of one image has no translation. Use --to torch",
                   x.rows() / t.batch());
  const std::string rows = t.node("Flatten", {t.value(x)}, {{"axis", int64_t{1}}});
  t.write(y, t.node("Gemm", {rows, t.constant(w), t.constant(b)}, {{"transB", int64_t{1}}}));
}

struct Translation {
  const void* kernel;
  std::function<void(OnnxTrace&, const KernelCall&)> translate;
};

template <class... P>
Translation row(const Kernel<void(Stream, P...)>& kernel, void (*nodes)(OnnxTrace&, P...)) {
  return {&kernel, [&kernel, nodes](OnnxTrace& trace, const KernelCall& call) {
            std::apply([&](const P&... arguments) { nodes(trace, arguments...); }, call.arguments(kernel));
          }};
}

const std::vector<Translation>& translations() {
  static const std::vector<Translation> kRows = {
      row(kernel::add, add),
      row(kernel::average_pool_forward, average_pool_forward),
      row(kernel::axpy, axpy),
      row(kernel::batch_norm_inference, batch_norm_inference),
      row(kernel::conv_forward, conv_forward),
      row(kernel::dense_append, dense_append),
      row(kernel::dense_norm, dense_norm),
      row(kernel::downsample_forward, downsample_forward),
      row(kernel::global_average_pool_forward, global_average_pool_forward),
      row(kernel::linear_forward, linear_forward),
      row(kernel::max_pool_forward, max_pool_forward),
      row(kernel::relu_forward, relu_forward),
  };
  return kRows;
}

void translate(OnnxTrace& trace, const KernelCall& call) {
  for (const Translation& row : translations())
    if (row.kernel == call.kernel) return row.translate(trace, call);
  throw BadInput("--to onnx: the network runs {}, which has no translation to ONNX. Use --to torch", call.name);
}

}  // namespace

OnnxGraph record_onnx(const std::function<Var(const Var&)>& forward, const ParameterStore& parameters, Shape image) {
  const Tensor images = Tensor::meta(Device::cpu, DType::f32, {1, image[1], image[2], image[3]});
  OnnxTrace trace(parameters, images);
  const KernelObserver observer = [&](const KernelCall& call, const auto&) { translate(trace, call); };
  Arena arena(Device::cpu, Arena::Backing::none);
  Tape tape(Queue{Device::cpu, nullptr, &observer}, arena);
  tape.training = false;
  const Var logits = forward(tape.input(images));
  return std::move(trace).finish(logits->value);
}

}  // namespace skein
