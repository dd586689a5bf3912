#include "apps/plan/dry_step.h"

#include <algorithm>
#include <optional>

#include "engine/dry_pass.h"
#include "engine/layer_names.h"
#include "engine/parameters.h"
#include "kernels/dense_block.h"
#include "kernels/sgd_step.h"
#include "models/model.h"

namespace skein {
namespace {

// x, w and y of a convolution, wherever its pass has them among the arguments.
std::optional<cuda::ConvProblem> convolution_of(const KernelCall& call) {
  if (call.is(kernel::conv_forward)) {
    const auto& [x, w, geometry, y] = call.arguments(kernel::conv_forward);
    return cuda::conv_problem(ConvPass::forward, x, w, geometry, y);
  }
  if (call.is(kernel::conv_backward_data)) {
    const auto& [dy, w, geometry, dx] = call.arguments(kernel::conv_backward_data);
    return cuda::conv_problem(ConvPass::backward_data, dx, w, geometry, dy);
  }
  if (call.is(kernel::conv_backward_weights)) {
    const auto& [x, dy, geometry, dw] = call.arguments(kernel::conv_backward_weights);
    return cuda::conv_problem(ConvPass::backward_weights, x, dw, geometry, dy);
  }
  return {};
}

PlannedKernel planned(const KernelCall& call) {
  const auto problem = convolution_of(call);
  return {1, problem.has_value(), problem.value_or(cuda::ConvProblem{}), call.cost.flops, call.cost.bytes};
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

PlannedKernel optimizer_step(const ParameterStore& p) {
  const Cost cost = kernel::sgd_step.cost(p.value, p.grad, p.velocity, p.shadow, nullptr, {}, p.decayed());
  return {.bytes = cost.bytes};
}

PlannedLayer layer_of(const KernelCall& call, const LayerNames& names) {
  PlannedLayer layer{{}, op_label(call), {}, 0, 0, call.cost.bytes};
  // The result comes last. An append writes as many channels of the block's buffer as its input has.
  const View& y = call.is(kernel::dense_append) ? call.operands.front() : call.operands.back();
  std::copy(y.dims, y.dims + 4, layer.output.dims.begin());
  layer.macs = int64_t(call.cost.flops / 2) / call.operands[0].dims[0];
  for (const View& operand : call.operands)
    if (const LayerNames::Parameter* parameter = names.find(operand)) {
      layer.parameters += parameter->count;
      layer.name = parameter->layer;
    }
  return layer;
}

}  // namespace

int64_t DryStep::convolutions() const {
  int64_t count = 0;
  for (const PlannedKernel& k : kernels)
    if (k.convolution && k.problem.pass == ConvPass::forward) count += k.count;
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
  LayerNames names;
  names.add(parameters);
  bool forward = true;
  const KernelObserver observer = [&](const KernelCall& call, const auto&) {
    add(out.kernels, planned(call));
    if (forward) out.layers.push_back(layer_of(call, names));
  };
  const DryPass pass = dry_pass([&](const Var& x) { return model->forward(x); }, {s.batch, s.size, s.size, s.channels},
                                s.dtype, s.recompute, observer, [&] { forward = false; });
  add(out.kernels, optimizer_step(parameters));
  out.forward = pass.forward;
  out.activations = pass.step;
  out.parameters = parameters.count();
  out.tensors = int64_t(parameters.specs().size());
  out.parameter_bytes = planned_bytes(parameters);
  return out;
}

}  // namespace skein
