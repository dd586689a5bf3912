// A step in which nothing is computed, against steps that are.
#include "apps/plan/dry_step.h"

#include <gtest/gtest.h>

#include "cases/op_case.h"
#include "engine/ops.h"
#include "models/model.h"

namespace skein::testing {
namespace {

const PlannedLayer& find(const DryStep& step, const std::string& name, const std::string& op) {
  for (const PlannedLayer& l : step.layers)
    if (l.name == name && l.op == op) return l;
  ADD_FAILURE() << "no layer " << name << " " << op;
  return step.layers.front();
}

class DryStepOf : public ::testing::TestWithParam<std::tuple<const char*, bool>> {};

TEST_P(DryStepOf, KnowsTheRealOne) {
  StepShape s{.model = std::get<0>(GetParam()), .batch = 2, .recompute = std::get<1>(GetParam())};
  const DryStep dry = dry_step(s);
  ParameterStore p;
  const auto model = make_model(s.model, {s.classes, s.channels}, p);
  p.build(Device::cpu, 1);
  Arena arena(Device::cpu);
  Tape tape({}, arena);
  tape.recompute = s.recompute;
  const Tensor images = random_tensor({}, {s.batch, s.size, s.size, s.channels}, 1);
  const Var logits = model->forward(tape.input(images));
  EXPECT_EQ(dry.forward, arena.peak());
  EXPECT_EQ(dry.macs(), tape.macs / s.batch);
  tape.backward(cross_entropy(logits, random_labels({}, s.batch, s.classes, 2)).mean);
  EXPECT_EQ(dry.activations, arena.peak() + images.view().bytes());
  EXPECT_EQ(dry.parameters, p.count());
  int64_t parameters = 0;
  for (const PlannedLayer& l : dry.layers) parameters += l.parameters;
  EXPECT_EQ(parameters, p.count()) << "every parameter is some layer's";
  EXPECT_EQ(dry.layers.back().output, (Shape{s.batch, s.classes}));
}

INSTANTIATE_TEST_SUITE_P(Models, DryStepOf,
                         ::testing::Combine(::testing::Values("resnet8", "resnet18", "wrn10-2", "densenet10-12",
                                                              "densenet-bc-16-4"),
                                            ::testing::Bool()),
                         [](const auto& info) {
                           std::string name = std::get<0>(info.param);
                           std::erase(name, '-');
                           return name + (std::get<1>(info.param) ? "Recomputed" : "");
                         });

TEST(DryStep, TakesNoMemory) {
  const int64_t before = cpu::allocations();
  const DryStep step = dry_step({.model = "wrn28-10", .batch = 128});
  EXPECT_EQ(cpu::allocations(), before);
  EXPECT_EQ(step.parameters, 36479194);
  EXPECT_GT(step.forward, size_t(1) << 30);
}

// Bytes by hand: what a kernel reads and writes, in f32.
TEST(DryStep, CountsBytes) {
  const DryStep wide = dry_step({.model = "wrn10-1", .batch = 2});
  const double map = 4.0 * 2 * 32 * 32 * 16;
  EXPECT_EQ(find(wide, "block1.layer.0.conv1", "conv").bytes, 2 * map + 4 * 9 * 16 * 16);
  EXPECT_EQ(find(wide, "block1.layer.0.bn1", "batch norm").bytes, 2 * map + 2 * 4 * 16);
  EXPECT_EQ(find(wide, "", "add").bytes, 3 * map) << "one operand is read and written";
  // Each layer reads the channels that there are, of a buffer that is wider.
  const DryStep dense = dry_step({.model = "densenet10-8", .batch = 2});
  EXPECT_EQ(find(dense, "block1.layer.1.bn1", "batch norm").bytes, 2 * map * 24 / 16 + 2 * 4 * 24);
  EXPECT_EQ(find(dense, "", "append").bytes, 2 * map);
  EXPECT_EQ(find(dense, "block1.layer.1.conv1", "conv").output, (Shape{2, 32, 32, 8}));
  double forward = 0;
  for (const PlannedLayer& l : wide.layers) forward += l.bytes;
  EXPECT_GT(wide.bytes(), 2 * forward);
  EXPECT_GT(dry_step({.model = "wrn10-1", .batch = 2, .recompute = true}).bytes(), wide.bytes() + forward / 2);
}

}  // namespace
}  // namespace skein::testing
