#include "engine/tape.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cases/op_case.h"
#include "engine/ops.h"
#include "models/model.h"

namespace skein::testing {
namespace {

struct Bench {
  Arena arena{Device::cpu};
  Tape tape{Queue{}, arena};
};

Var parameter(const Tensor& value) {
  auto v = std::make_shared<Variable>();
  v->value = value;
  v->grad = Tensor::zeros(Device::cpu, DType::f32, value.shape());
  v->needs_grad = true;
  return v;
}

Var on_tape(Tape& tape, const Var& p) {  // a value that depends on p and has a tape
  return add(tape.input(Tensor::zeros(Device::cpu, DType::f32, p->value.shape())), p);
}

Var mean(const Var& x) { return global_average_pool(x); }  // (1,H,W,1) -> one number

TEST(Tape, AddsTheGradientsOfAVariableUsedTwice) {
  Bench b;
  const Var p = parameter(random_tensor({}, {1, 2, 2, 1}, 1));
  const Var x = on_tape(b.tape, p);
  b.tape.backward(mean(add(add(x, x), relu(x))));
  for (int i = 0; i < 4; ++i) EXPECT_FLOAT_EQ(p->grad.host()[i], (2.0f + (p->value.host()[i] > 0)) / 4.0f);
}

TEST(Tape, OverwritesTheGradientsOfTheLastStep) {
  Bench b;
  const Var p = parameter(random_tensor({}, {1, 2, 2, 1}, 1));
  for (int step = 0; step < 3; ++step) {
    b.tape.reset();
    b.tape.backward(mean(on_tape(b.tape, p)));
    for (int i = 0; i < 4; ++i) EXPECT_FLOAT_EQ(p->grad.host()[i], 0.25f);
  }
}

// The gradient of a parameter that two ops use is final after the first op's backward step, which runs last.
TEST(Tape, AnnouncesFinalGradients) {
  Bench b;
  const Var early = parameter(random_tensor({}, {1, 2, 2, 1}, 1)), late = parameter(random_tensor({}, {1, 2, 2, 1}, 2));
  std::vector<const Variable*> order;
  b.tape.on_grad_ready = [&](const Variable& v) {
    order.push_back(&v);
    if (&v != early.get()) return;
    for (int i = 0; i < 4; ++i) EXPECT_FLOAT_EQ(v.grad.host()[i], 0.5f) << "both parts of the sum";
  };
  for (int step = 0; step < 2; ++step) {
    b.tape.reset();
    order.clear();
    const Var x = add(on_tape(b.tape, early), early);
    b.tape.backward(mean(add(x, late)));
    EXPECT_EQ(order, (std::vector<const Variable*>{late.get(), early.get()}));
  }
}

TEST(Tape, LeavesAloneWhatTheLossDoesNotDependOn) {
  Bench b;
  const Var p = parameter(random_tensor({}, {1, 2, 2, 1}, 1)), unused = parameter(random_tensor({}, {1, 2, 2, 1}, 2));
  relu(on_tape(b.tape, unused));
  b.tape.backward(mean(on_tape(b.tape, p)));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(unused->grad.host()[i], 0.0f);
}

TEST(Tape, RecordsNothingForEvaluation) {
  Bench b;
  b.tape.training = false;
  const Var loss = mean(on_tape(b.tape, parameter(random_tensor({}, {1, 2, 2, 1}, 1))));
  EXPECT_FALSE(loss->needs_grad);
  EXPECT_THROW(b.tape.backward(loss), std::logic_error);
}

TEST(Arena, GivesTheSameAddressesToTheSameRequests) {
  Arena arena(Device::cpu);
  auto step = [&] {
    std::vector<void*> addresses;
    const Tensor a = arena.take(DType::f32, {1000}), b = arena.take(DType::f32, {int64_t{30} << 20});
    arena.release(a);
    for (const Tensor& t : {a, b, arena.take(DType::f32, {1000}), arena.take(DType::f32, {int64_t{30} << 20})})
      addresses.push_back(t.view().data);
    arena.reset();
    return addresses;
  };
  const auto first = step();
  EXPECT_EQ(first[0], first[2]) << "what was given back comes first";
  EXPECT_NE(first[1], first[3]);
  EXPECT_EQ(first, step());
}

TEST(Arena, HoldsTheGradientsOfOneBlockNotOfTheWholeNetwork) {
  auto peak = [](const char* name, bool backward) {
    ParameterStore p;
    const auto model = make_model(name, {}, p);
    p.build(Device::cpu, 1);
    Bench b;
    const Loss loss =
        cross_entropy(model->forward(b.tape.input(random_tensor({}, {8, 32, 32, 3}, 1))), random_labels({}, 8, 10, 2));
    if (backward) b.tape.backward(loss.mean);
    return double(b.arena.peak());
  };
  EXPECT_LT(peak("resnet32", true), 1.2 * peak("resnet32", false));
}

// Central differences of the loss of a whole network. The step is large because f32 limits the differences. A parameter
// whose step crosses the kink of a ReLU is detected by its two one-sided slopes and excluded.
TEST(ResNetCifar, GradientMatchesFiniteDifferences) {
  ParameterStore p;
  const auto model = make_model("resnet8", {3, 3, 'B'}, p);
  p.build(Device::cpu, 5);
  Bench b;
  const Tensor images = random_tensor({}, {4, 8, 8, 3}, 1), labels = random_labels({}, 4, 3, 2);
  auto loss = [&](bool backward) {
    b.tape.reset();
    const Loss l = cross_entropy(model->forward(b.tape.input(images)), labels);
    if (backward) b.tape.backward(l.mean);
    return double(*l.mean->value.host());
  };
  const double here = loss(true);
  const std::vector<float> gradient = p.grad.to_vector();
  int checked = 0;
  for (size_t i = 0; i < p.specs().size(); ++i)
    for (const int64_t k : {p.segments()[i].begin, p.segments()[i].begin + p.segments()[i].count / 2}) {
      float& w = p.value.host()[k];
      const float before = w;
      constexpr double kStep = 2e-3;
      w = before + float(kStep);
      const double up = (loss(false) - here) / kStep;
      w = before - float(kStep);
      const double down = (here - loss(false)) / kStep;
      w = before;
      if (std::abs(up - down) > 0.02 * (std::abs(up) + std::abs(down)) + 3e-4) continue;
      EXPECT_NEAR(gradient[size_t(k)], (up + down) / 2, 0.01 * std::abs(up) + 3e-4) << p.specs()[i].name;
      ++checked;
    }
  EXPECT_GT(checked, int(p.specs().size() / 2)) << "a quarter of the parameters lie on smooth ground";
}

}  // namespace
}  // namespace skein::testing
