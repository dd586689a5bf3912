#include "apps/plan/dry_step.h"

#include <algorithm>

#include "base/check.h"
#include "engine/ops.h"
#include "engine/parameters.h"
#include "kernels/average_pool.h"
#include "kernels/batch_norm.h"
#include "kernels/dense_block.h"
#include "kernels/downsample.h"
#include "kernels/global_average_pool.h"
#include "kernels/linear.h"
#include "kernels/max_pool.h"
#include "kernels/vector.h"
#include "models/model.h"

namespace skein {
namespace {

using Function = void (*)();
Function function(auto* f) { return reinterpret_cast<Function>(f); }

// x, w and y of a convolution, wherever its pass has them among the operands.
bool as_convolution(const KernelCall& call, PlannedKernel& kernel) {
  const std::vector<View>& o = call.operands;
  cuda::ConvPass pass{};
  View x, w, y;
  if (call.function == function(cpu::conv_forward))
    pass = cuda::ConvPass::forward, x = o[0], w = o[1], y = o[2];
  else if (call.function == function(cpu::conv_backward_data))
    pass = cuda::ConvPass::backward_data, y = o[0], w = o[1], x = o[2];
  else if (call.function == function(cpu::conv_backward_weights))
    pass = cuda::ConvPass::backward_weights, x = o[0], y = o[1], w = o[2];
  else
    return false;
  kernel.problem = cuda::conv_problem(pass, x, w, call.geometry, y);
  kernel.convolution = true;
  kernel.flops = 2.0 * double(y.numel()) * double(w.numel() / w.dims[0]);
  return true;
}

bool is_any(const KernelCall& call, std::initializer_list<Function> functions) {
  return std::find(functions.begin(), functions.end(), call.function) != functions.end();
}

// Of the buffers of a dense block a kernel touches as many channels as its narrowest operand has; its layers add to the
// gradient of the features, but for the last one, which runs first and is as wide as they.
double dense_bytes(const KernelCall& call) {
  const auto is_image = [&](const View& v) { return v.rows() == call.operands[0].rows(); };
  int64_t narrowest = call.operands[0].channels();
  for (const View& v : call.operands)
    if (is_image(v)) narrowest = std::min(narrowest, v.channels());
  const auto bytes = [&](const View& v) {
    return double(v.rows() * (is_image(v) ? narrowest : v.channels())) * double(size_of(v.dtype));
  };
  double sum = 0;
  for (const View& v : call.operands) sum += bytes(v);
  const bool adds = is_any(call, {function(cpu::dense_norm_backward)}) && narrowest < call.operands[0].channels();
  return adds ? sum + bytes(call.operands[4]) : sum;
}

double bytes_of(const KernelCall& call) {
  if (is_any(call, {function(cpu::dense_append), function(cpu::dense_norm), function(cpu::dense_norm_backward),
                    function(cpu::dense_append_backward)}))
    return dense_bytes(call);
  double sum = 0;
  for (const View& operand : call.operands) sum += double(operand.bytes());
  return is_any(call, {function(cpu::axpy)}) ? sum + double(call.operands.back().bytes()) : sum;
}

PlannedKernel kernel_of(const KernelCall& call) {
  PlannedKernel kernel;
  kernel.bytes = bytes_of(call);
  kernel.matrix_units = as_convolution(call, kernel);
  if (is_any(call, {function(cpu::linear_forward), function(cpu::linear_backward_data),
                    function(cpu::linear_backward_weights)})) {
    // x w -> y, dy w -> dx, x dy -> dw: each pair shares one dimension.
    const View &a = call.operands[0], &b = call.operands[1];
    const bool forward = call.function == function(cpu::linear_forward);
    kernel.flops = 2.0 * double(a.numel()) * double(forward ? b.rows() : b.channels());
    kernel.matrix_units = true;
  }
  return kernel;
}

void add(std::vector<PlannedKernel>& kernels, const PlannedKernel& next) {
  for (PlannedKernel& known : kernels) {
    PlannedKernel one = known;
    one.count = next.count;
    if (one == next) {
      known.count += next.count;
      return;
    }
  }
  kernels.push_back(next);
}

// The optimizer reads value, gradient and momentum, and writes value, momentum and shadow.
PlannedKernel optimizer_step(const ParameterStore& p) {
  PlannedKernel kernel;
  kernel.bytes = 5.0 * double(p.value.view().bytes()) + (p.shadow.defined() ? double(p.shadow.view().bytes()) : 0);
  return kernel;
}

std::string name_of(const KernelCall& call) {
  static const std::pair<Function, const char*> kNames[] = {
      {function(cpu::conv_forward), "conv"},
      {function(cpu::batch_norm_forward), "batch norm"},
      {function(cpu::dense_norm), "batch norm"},
      {function(cpu::dense_append), "append"},
      {function(cpu::linear_forward), "linear"},
      {function(cpu::max_pool_forward), "max pool"},
      {function(cpu::average_pool_forward), "average pool"},
      {function(cpu::global_average_pool_forward), "global average pool"},
      {function(cpu::downsample_forward), "downsample"},
      {function(cpu::dropout), "dropout"},
      {function(cpu::relu_forward), "relu"},
      {function(cpu::add), "add"},
      {function(cpu::axpy), "add"},
  };
  for (const auto& [f, name] : kNames)
    if (f == call.function) return name;
  CHECK(false, "a kernel of the forward pass has no name here");
  return {};
}

// Whether the view is the parameter or its shadow.
bool is_parameter(const View& v, const ParameterStore& p, const Segment& s) {
  for (const Tensor* flat : {&p.value, &p.shadow})
    if (flat->defined() && v.data == flat->view().as<char>() + size_t(s.begin) * size_of(flat->dtype())) return true;
  return false;
}

PlannedLayer layer_of(const KernelCall& call, const ParameterStore& p) {
  const PlannedKernel kernel = kernel_of(call);
  PlannedLayer layer{{}, name_of(call), {}, 0, 0, kernel.bytes};
  const bool appends = call.function == function(cpu::dense_append);  // else what is written comes last
  const View& y = appends ? call.operands.front() : call.operands.back();
  std::copy(y.dims, y.dims + 4, layer.output.dims.begin());
  layer.macs = int64_t(kernel.flops / 2) / call.operands[0].dims[0];
  for (const View& operand : call.operands)
    for (size_t i = 0; i < p.specs().size(); ++i) {
      if (!is_parameter(operand, p, p.segments()[i])) continue;
      layer.parameters += p.segments()[i].count;
      layer.name = p.specs()[i].name.substr(0, p.specs()[i].name.rfind('.'));
    }
  return layer;
}

}  // namespace

int64_t DryStep::convolutions() const {
  int64_t count = 0;
  for (const PlannedKernel& k : kernels)
    if (k.convolution && k.problem.pass == cuda::ConvPass::forward) count += k.count;
  return count;
}

int64_t DryStep::macs() const {
  int64_t sum = 0;
  for (const PlannedLayer& l : layers) sum += l.macs;
  return sum;
}

double DryStep::bytes() const {
  double sum = 0;
  for (const PlannedKernel& k : kernels) sum += k.count * k.bytes;
  return sum;
}

DryStep dry_step(const StepShape& s) {
  DryStep out;
  ParameterStore parameters;
  const auto model = make_model(s.model, {s.classes, s.channels, s.shortcut[0]}, parameters);
  parameters.plan(s.dtype);
  Arena arena(Device::cpu, Arena::Backing::none);
  Tape tape(Queue{}, arena);
  tape.recompute = s.recompute;
  tape.on_kernel = [&](const KernelCall& call) {
    add(out.kernels, kernel_of(call));
    out.layers.push_back(layer_of(call, parameters));
  };
  const Tensor images = Tensor::meta(Device::cpu, s.dtype, {s.batch, s.size, s.size, s.channels});
  const Var logits = model->forward(tape.input(images));
  out.forward = arena.peak();
  tape.on_kernel = [&](const KernelCall& call) { add(out.kernels, kernel_of(call)); };
  tape.backward(cross_entropy(logits, Tensor::meta(Device::cpu, DType::i32, {s.batch})).mean);
  add(out.kernels, optimizer_step(parameters));
  out.activations = arena.peak() + images.view().bytes();
  out.parameters = parameters.count();
  out.tensors = int64_t(parameters.specs().size());
  for (const Tensor* t :
       {&parameters.value, &parameters.grad, &parameters.velocity, &parameters.shadow, &parameters.running_statistics})
    if (t->defined()) out.parameter_bytes += t->view().bytes();
  return out;
}

}  // namespace skein
