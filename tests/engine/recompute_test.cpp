// Activation checkpointing (engine/recompute.h): the same bits as without it, in less memory.
#include "engine/recompute.h"

#include <gtest/gtest.h>

#include "base/check.h"
#include "cases/op_case.h"
#include "engine/ops.h"
#include "engine/optimizer.h"
#include "tests/support/small_networks.h"
#include "tests/support/small_training_run.h"

namespace skein::testing {
namespace {

struct Recomputed {
  std::vector<float> losses, value, grad, state;
  std::vector<const Variable*> parameters;  // in the order in which their gradients became final, as `final`
  std::vector<std::vector<float>> final;
  int64_t macs = 0;
};

// Takes three steps and records the gradients of the last one when they become final.
Recomputed take_steps(ParameterStore& p, const Model& model, const SmallNetwork& network, bool recompute) {
  Recomputed out;
  Arena arena(Device::cpu);
  Tape tape({}, arena);
  tape.recompute = recompute;
  uint32_t number = 3;
  tape.draws = {1, 0, &number};
  Sgd sgd(p, {}, {});
  sgd.set_rate(0.1f);
  const Tensor images = random_tensor({}, {4, network.size, network.size, 3}, 1), labels = random_labels({}, 4, 3, 2);
  for (int step = 0; step < 3; ++step, ++number) {
    tape.reset();
    tape.on_grad_ready = nullptr;
    if (step == 2)
      tape.on_grad_ready = [&](const Variable& v) {
        out.parameters.push_back(&v);
        out.final.push_back(v.grad.to_vector());
      };
    const Loss loss = cross_entropy(model.forward(tape.input(images)), labels);
    out.macs = tape.macs;
    tape.backward(loss.mean);
    EXPECT_EQ(tape.macs, out.macs) << "of the forward pass alone";
    out.losses.push_back(*loss.mean->value.host());
    sgd.step();
  }
  out.value = p.value.to_vector();
  out.grad = p.grad.to_vector();
  out.state = p.running_statistics.to_vector();
  return out;
}

class Recompute : public ::testing::TestWithParam<SmallNetwork> {};

TEST_P(Recompute, GivesTheSameBits) {
  ParameterStore p;
  const auto model = GetParam().make(p);
  p.build(Device::cpu, 5);
  const std::vector<float> value = p.value.to_vector(), state = p.running_statistics.to_vector();
  const Recomputed kept = take_steps(p, *model, GetParam(), false);
  cpu::copy_from_host(nullptr, value.data(), p.value);
  cpu::copy_from_host(nullptr, state.data(), p.running_statistics);
  cpu::zero(nullptr, p.velocity);
  const Recomputed again = take_steps(p, *model, GetParam(), true);
  EXPECT_NE(kept.value, value);
  EXPECT_NE(kept.state, state);
  EXPECT_EQ(again.losses, kept.losses);
  EXPECT_EQ(again.value, kept.value);
  EXPECT_EQ(again.grad, kept.grad);
  EXPECT_EQ(again.state, kept.state) << "running statistics";
  EXPECT_EQ(again.macs, kept.macs);
  EXPECT_EQ(kept.parameters.size(), p.specs().size());
  EXPECT_EQ(again.parameters, kept.parameters) << "the order in which workers send gradients";
  EXPECT_EQ(again.final, kept.final) << "final when it was said to be";
}

INSTANTIATE_TEST_SUITE_P(Models, Recompute,
                         ::testing::Values(named("resnet14"), narrow<BasicBlock>("resnet18"),
                                           narrow<Bottleneck>("resnet50"), named("wrn16-1"), named("wrn16-1", 0.3f),
                                           named("densenet10-4", 0.2f), named("densenet-bc-16-4"),
                                           named("densenet-bc-16-4", 0.2f)),
                         [](const auto& info) { return name_without_dashes(info.param); });

// Bytes of a whole step: used at one time, and allocated on the device.
struct Memory {
  double peak, reserved;
};
Memory memory_of(const std::string& name, bool recompute) {
  ParameterStore p;
  const auto model = make_model(name, {}, p);
  p.build(Device::cpu, 1);
  Arena arena(Device::cpu, Arena::Backing::none);
  const KernelObserver ignore = [](const KernelCall&, const auto&) {};
  Tape tape({Device::cpu, nullptr, &ignore}, arena);
  tape.recompute = recompute;
  const Tensor images = Tensor::meta(Device::cpu, DType::f32, {64, 32, 32, 3});
  tape.backward(cross_entropy(model->forward(tape.input(images)), random_labels({}, 64, 10, 2)).mean);
  return {double(arena.peak()), double(arena.reserved())};
}

TEST(Recompute, TakesLessMemory) {
  for (const auto& [name, part] : {std::pair{"resnet56", 0.45}, {"wrn16-4", 0.65}, {"densenet-bc-40-12", 0.5}}) {
    const Memory kept = memory_of(name, false), again = memory_of(name, true);
    EXPECT_LT(again.peak, part * kept.peak) << name;
    EXPECT_LT(again.reserved, part * kept.reserved + 64e6) << name << ": pieces that do not fit together";
  }
}

TEST(Recompute, BlocksNest) {
  const auto inner = [](const Var& x) { return add(relu(x), x); };
  const auto outer = [&](const Var& x) {
    const Var half = recompute(inner, relu(x));
    return add_to(recompute(inner, half), x);  // the result overwrites another variable
  };
  const auto run = [&](bool recompute_blocks) {
    auto p = std::make_shared<Variable>();
    p->value = random_tensor({}, {1, 4, 4, 1}, 1);
    p->grad = Tensor::zeros(Device::cpu, DType::f32, p->value.shape());
    p->needs_grad = true;
    Arena arena(Device::cpu);
    Tape tape({}, arena);
    tape.recompute = recompute_blocks;
    const Var x = add(tape.input(Tensor::zeros(Device::cpu, DType::f32, p->value.shape())), p);
    const Var y = recompute(outer, recompute(outer, x));
    const Var loss = global_average_pool(add(y, x));
    const float value = *loss->value.host();
    tape.backward(loss);
    return std::pair{value, p->grad.to_vector()};
  };
  EXPECT_EQ(run(true), run(false));
  EXPECT_NE(run(true).second, std::vector<float>(16, 0.0f));
}

TEST(Recompute, RefusesABlockThatUsesUpItsInput) {
  Arena arena(Device::cpu);
  Tape tape({}, arena);
  tape.recompute = true;
  const Var x = relu(tape.input(random_tensor({}, {1, 2, 2, 4}, 1)));
  const auto block = [](const Var& input) {
    DenseFeatures features(input, 4);
    return relu(input);
  };
  EXPECT_THROW(recompute(block, x), std::logic_error);
}

TEST(Recompute, LeavesALocalSgdRunAsItIs) {
  const TempDir dir;
  TrainConfig config = small_config();
  config.model = "wrn10-1";
  config.dropout = 0.3;
  config.workers = 2;
  config.sync = "post-local:H=3,from=1";
  config.average = Averaging::gradients;
  config.accumulate = 2;
  for (const bool recompute : {false, true}) {
    config.recompute = recompute;
    train({.config = config, .out = (dir / (recompute ? "again" : "kept")).string()}, never);
  }
  for (const char* file : {"model", "worker-0", "worker-1"})
    expect_same_tensors((dir / "again/checkpoints/last/" / file).string() + ".safetensors",
                        (dir / "kept/checkpoints/last/" / file).string() + ".safetensors");
}

}  // namespace
}  // namespace skein::testing
