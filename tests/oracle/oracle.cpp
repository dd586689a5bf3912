#include "tests/oracle/oracle.h"

#include <fmt/format.h>

#include "cases/op_case.h"
#include "engine/ops.h"
#include "engine/optimizer.h"

namespace skein {
namespace {

struct LabelledBatch {
  Tensor images, labels;
};

// Noise that is brighter for higher labels, so that twenty steps can learn it.
LabelledBatch make_batch(const OracleSettings& s, int64_t step) {
  const Queue q;
  const Shape shape{s.batch, s.size, s.size, s.channels};
  LabelledBatch b{random_tensor(q, shape, uint32_t(1000 + step)),
                  random_labels(q, s.batch, s.classes, uint32_t(2000 + step))};
  const int64_t pixels = shape.numel() / s.batch;
  for (int64_t i = 0; i < shape.numel(); ++i)
    b.images.host()[i] += 0.4f * float(b.labels.view().as<int32_t>()[i / pixels]) - 2.0f;
  return b;
}

Tensor copy_of(const Tensor& x) {
  Tensor copy = Tensor::empty(Device::cpu, x.dtype(), x.shape());
  cpu::copy(nullptr, x, copy);
  return copy;
}

void keep(std::map<std::string, OracleTensor>& out, const char* prefix, const ParameterStore& p, const Tensor& flat) {
  for (size_t i = 0; i < p.specs().size(); ++i) {
    const Tensor part = flat.slice(p.segments()[i].begin, {p.segments()[i].count});
    out[prefix + p.specs()[i].name] = {copy_of(part), p.specs()[i].shape};
  }
}

void offset_norms(ParameterStore& p, float offset) {
  for (size_t i = 0; i < p.specs().size(); ++i)
    if (!p.specs()[i].decay && p.specs()[i].init.kind == Init::zeros)
      for (int64_t c = 0; c < p.segments()[i].count; ++c)
        p.value.host()[p.segments()[i].begin + c] = c % 3 == 2 ? -offset : offset;
}

}  // namespace

OracleRun run_oracle(const OracleSettings& s) {
  OracleRun run;
  ParameterStore p;
  const auto model = make_model(s.model, {s.classes, s.channels, s.shortcut}, p);
  p.build(Device::cpu, 1);
  if (s.offset > 0) offset_norms(p, s.offset);
  keep(run.inputs, "param.", p, p.value);
  Arena arena(Device::cpu);
  Tape tape({}, arena);
  Sgd sgd(p, {}, {});
  sgd.set_rate(s.rate);
  std::vector<float> losses;
  for (int64_t step = 0; step < s.steps; ++step) {
    const LabelledBatch b = make_batch(s, step);
    run.inputs[fmt::format("images.{}", step)] = {b.images, {s.batch, s.size, s.size, s.channels}};
    run.inputs[fmt::format("labels.{}", step)] = {b.labels, {s.batch}};
    tape.reset();
    const Var logits = model->forward(tape.input(b.images));
    const Loss loss = cross_entropy(logits, b.labels);
    tape.backward(loss.mean);
    if (step == 0) {
      keep(run.results, "grad.", p, p.grad);
      run.results["logits"] = {copy_of(logits->value), {s.batch, s.classes}};
    }
    losses.push_back(*loss.mean->value.host());
    sgd.step();
  }
  run.results["losses"] = {Tensor::from(Device::cpu, losses, {s.steps}), {s.steps}};
  return run;
}

}  // namespace skein
