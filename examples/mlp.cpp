// A network of two layers on two interleaved spirals, trained with the engine's parts alone: parameters in one flat
// vector, a tape, an optimiser. Prints the loss and the share of points on the right side.
#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "engine/layers.h"
#include "engine/optimizer.h"

using namespace skein;

constexpr int64_t kPoints = 400, kHidden = 64, kSteps = 1500;

// Point i lies on spiral i % 2, 1.5 turns from the centre outwards.
struct Spirals {
  std::vector<float> points;    // x, y
  std::vector<int32_t> labels;  // 0 or 1
  Spirals() {
    for (int64_t i = 0; i < kPoints; ++i) {
      const double t = double(i / 2 + 10) / double(kPoints / 2 + 10);
      const double angle = 3 * std::numbers::pi * t + std::numbers::pi * double(i % 2);
      points.push_back(float(t * std::cos(angle)));
      points.push_back(float(t * std::sin(angle)));
      labels.push_back(int32_t(i % 2));
    }
  }
};

struct Mlp {
  Linear first, second, third;
  explicit Mlp(ParameterStore& p)
      : first(p, "first", 2, kHidden), second(p, "second", kHidden, kHidden), third(p, "third", kHidden, 2) {}
  Var operator()(const Var& x) const { return third(relu(second(relu(first(x))))); }
};

int main() {
  ParameterStore parameters;
  const Mlp model(parameters);  // registers its parameters
  parameters.build(Device::cpu, /*seed=*/1);
  Sgd sgd(parameters, {.momentum = 0.9f, .decay = 0, .nesterov = true}, Queue{});
  sgd.set_rate(0.1f);

  const Spirals data;
  const Tensor points = Tensor::from(Device::cpu, data.points, {kPoints, 1, 1, 2});
  const Tensor labels = Tensor::from(Device::cpu, data.labels, {kPoints});
  Arena arena(Device::cpu);
  Tape tape(Queue{}, arena);
  fmt::print("{} parameters\n", parameters.count());
  for (int64_t step = 1; step <= kSteps; ++step) {
    const Loss loss = cross_entropy(model(tape.input(points)), labels);
    tape.backward(loss.mean);
    sgd.step();
    if (step == 1 || step % 500 == 0)
      fmt::print("step {:>4}  loss {:.4f}  right {:.1f} %\n", step, *loss.mean->value.host(),
                 100.0 * *loss.correct.view().as<const int32_t>() / kPoints);
    tape.reset();
  }
}
