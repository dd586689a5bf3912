#include "engine/tape.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cases/op_case.h"
#include "engine/ops.h"
#include "kernels/reference/cross_entropy.h"
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

// Central differences of the loss of a whole network. The loss is computed in double from the logits: rounded to f32, it
// would change by less than its own precision in so small a step. A parameter whose step crosses the kink of a ReLU is
// excluded: there the one-sided slopes, or the differences of the step and of the double step, disagree.
TEST(ResNetCifar, GradientMatchesFiniteDifferences) {
  ParameterStore p;
  const auto model = make_model("resnet8", {3, 3, 'B'}, p);
  p.build(Device::cpu, 5);
  Bench b;
  const Tensor images = random_tensor({}, {4, 8, 8, 3}, 1), labels = random_labels({}, 4, 3, 2);
  const auto* label = static_cast<const int32_t*>(labels.view().data);
  const reference::CrossEntropy in_double{3, {label, label + 4}};
  auto logits = [&] {
    b.tape.reset();
    return model->forward(b.tape.input(images));
  };
  auto loss = [&] { return in_double.loss(to_numbers(logits()->value)); };
  b.tape.backward(cross_entropy(logits(), labels).mean);
  const std::vector<float> gradient = p.grad.to_vector();
  const double here = loss();
  int checked = 0;
  for (size_t i = 0; i < p.specs().size(); ++i)
    for (const int64_t k : {p.segments()[i].begin, p.segments()[i].begin + p.segments()[i].count / 2}) {
      auto slope = [&](double step) {
        float& w = p.value.host()[k];
        const float before = w;
        w = before + float(step);
        const double slope = (loss() - here) / step;
        w = before;
        return slope;
      };
      constexpr double kStep = 5e-4;
      const double up = slope(kStep), down = slope(-kStep), central = (up + down) / 2;
      const double wide = (slope(2 * kStep) + slope(-2 * kStep)) / 2, allowed = 0.01 * std::abs(central) + 3e-4;
      if (std::abs(up - down) > 2 * allowed || std::abs(wide - central) > allowed / 2) continue;
      EXPECT_NEAR(gradient[size_t(k)], central, allowed) << p.specs()[i].name;
      ++checked;
    }
  EXPECT_GT(checked, int(p.specs().size())) << "half of the parameters lie on smooth ground";
}

}  // namespace
}  // namespace skein::testing
