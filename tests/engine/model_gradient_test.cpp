// Gradients of whole, narrow networks against central differences of their loss. The point is smooth: every batch norm
// has beta 3, in every third channel -3, so that few ReLUs are near their kink. The step is large because f32 limits
// the differences. A parameter whose step crosses a kink or changes a maximum is detected by its two one-sided slopes
// and excluded.
#include <gtest/gtest.h>

#include <cmath>

#include "cases/op_case.h"
#include "engine/ops.h"
#include "tests/support/small_networks.h"

namespace skein::testing {
namespace {

void move_to_smooth_ground(const ParameterStore& p) {
  for (size_t i = 0; i < p.specs().size(); ++i)
    if (!p.specs()[i].decay && p.specs()[i].init.kind == Init::zeros)
      for (int64_t c = 0; c < p.segments()[i].count; ++c)
        p.value.host()[p.segments()[i].begin + c] = c % 3 == 2 ? -3.0f : 3.0f;
}

class ModelGradient : public ::testing::TestWithParam<SmallNetwork> {};

TEST_P(ModelGradient, MatchesFiniteDifferences) {
  ParameterStore p;
  const auto model = GetParam().make(p);
  p.build(Device::cpu, 5);
  move_to_smooth_ground(p);
  Arena arena(Device::cpu);
  Tape tape({}, arena);
  const uint32_t number = 3;
  tape.draws = {1, 0, &number};
  const Tensor images = random_tensor({}, {4, GetParam().size, GetParam().size, 3}, 1),
               labels = random_labels({}, 4, 3, 2);
  auto loss = [&](bool backward) {
    tape.reset();
    const Loss l = cross_entropy(model->forward(tape.input(images)), labels);
    if (backward) tape.backward(l.mean);
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
  EXPECT_GT(checked, int(p.specs().size())) << "half of the parameters lie on smooth ground";
}

INSTANTIATE_TEST_SUITE_P(Models, ModelGradient,
                         ::testing::Values(narrow<BasicBlock>("resnet18"), narrow<Bottleneck>("resnet50"),
                                           named("densenet10-4"), named("densenet-bc-16-4"),
                                           named("densenet10-4", 0.2f), named("wrn10-1"), named("wrn16-1", 0.3f)),
                         [](const auto& info) { return name_without_dashes(info.param); });

}  // namespace
}  // namespace skein::testing
