// skein bench step --profile: its rows must add up to the step, and to the work that a dry run of the step lists.
#include <gtest/gtest.h>

#include <map>

#include "apps/plan/dry_step.h"
#include "base/formats/json.h"
#include "cases/op_case.h"
#include "engine/kernel_spans.h"
#include "engine/ops.h"
#include "kernels/device/conv_plan.h"
#include "models/model.h"
#include "tests/support/need_gpu.h"
#include "tests/support/run_binary.h"

namespace skein::testing {
namespace {

double sum(const Json& rows, const char* key) {
  double all = 0;
  for (const Json& row : rows.elements()) all += row.at(key).get<double>();
  return all;
}

const Json& find(const Json& rows, const char* key, const std::string& name) {
  for (const Json& row : rows.elements())
    if (row.at(key) == name) return row;
  ADD_FAILURE() << "no row " << name << " in " << rows.dump();
  return rows;
}

// `updates`: with the optimizer's kernel, which a dry run counts as one.
void expect_sums(const Json& p, const DryStep& dry) {
  const double step = p.at("profiled_ms").get<double>(), outside = p.at("outside_ms").get<double>();
  EXPECT_GT(step, 0);
  EXPECT_GE(outside, 0);
  for (const char* rows : {"ops", "layers"}) {
    EXPECT_NEAR(sum(p.at(rows), "ms") + outside, step, 1e-6 * step) << rows;
    EXPECT_NEAR(sum(p.at(rows), "share"), 1 - outside / step, 1e-9) << rows;
    double flops = 0;
    for (const PlannedKernel& k : dry.kernels) flops += k.count * k.flops;
    EXPECT_DOUBLE_EQ(sum(p.at(rows), "flops"), flops) << rows;
    EXPECT_GE(sum(p.at(rows), "bytes"), dry.bytes()) << rows << ": with the bytes that are read again";
  }
}

Json profile(const std::string& arguments) {
  const ProgramOutput output = skein("bench step --profile --steps 3 --warmup 1 --json " + arguments);
  EXPECT_EQ(output.status, 0) << output.err;
  return Json::parse(output.out);
}

TEST(StepProfile, RowsAddUpToTheStep) {
  const Json p = profile("--model resnet8 --batch 4 --size 8");
  expect_sums(p, dry_step({.model = "resnet8", .size = 8, .batch = 4}));
  const Json &conv = find(p.at("layers"), "layer", "layer2.0.conv1"),
             &update = find(p.at("layers"), "layer", "optimizer");
  EXPECT_EQ(conv.at("calls"), 3) << "forward, gradients of the input and of the weights";
  EXPECT_GT(conv.at("forward_ms").get<double>(), 0);
  EXPECT_GT(conv.at("backward_ms").get<double>(), 0);
  EXPECT_EQ(update.at("calls"), 1);
  EXPECT_EQ(find(p.at("layers"), "layer", "layer3.0.bn2/global average pool").at("calls"), 2);
  EXPECT_EQ(find(p.at("ops"), "op", "conv_forward").at("calls"), 9);
}

TEST(StepProfile, TableHasTheWholeStep) {
  const ProgramOutput output =
      skein("bench step --profile --steps 1 --warmup 0 --model densenet10-12 --batch 2 --size 8");
  EXPECT_EQ(output.status, 0) << output.err;
  expect_parts(output.out, {"peaks, measured", "dense_norm_backward", "outside kernels", "100.0 %", "of peak"});
}

TEST(StepProfile, TimesKernelsByEventsOfTheGpu) {
  SKIP_IF(gpu_absent());
  const Json p = profile("--device cuda --model resnet8 --batch 2 --size 8 --steps 1");
  expect_sums(p, dry_step({.model = "resnet8", .size = 8, .batch = 2}));
}

// Layers of a backward pass are those of the forward pass, also where blocks are run again for their gradients.
TEST(KernelSpans, BackwardStepsKnowTheirLayer) {
  for (const bool recompute : {false, true}) {
    ParameterStore p;
    const auto model = make_model("wrn10-1", {10, 3, 'B'}, p);
    p.build(Device::cpu, 1);
    LayerNames names;
    names.add(p);
    KernelSpans spans(names);
    Arena arena(Device::cpu);
    Tape tape({Device::cpu, nullptr, spans.observer()}, arena);
    tape.recompute = recompute;
    spans.follow(tape);
    spans.restart();
    const Tensor images = random_tensor({}, {2, 8, 8, 3}, 1);
    tape.backward(cross_entropy(model->forward(tape.input(images)), random_labels({}, 2, 10, 2)).mean);
    std::map<std::string, int> forward, backward;
    for (const KernelSpan& k : spans.collect()) {
      (k.pass == Pass::forward ? forward : backward)[std::string(k.layer)] += 1;
      EXPECT_LE(k.begin, k.end);
    }
    for (const auto& [layer, count] : forward)  // an add, without parameters, has no kernel backwards
      EXPECT_TRUE(backward.count(layer) || layer.find('/') != std::string::npos) << layer << " recompute " << recompute;
    EXPECT_EQ(forward.at("block2.layer.0.conv2"), 1);
    EXPECT_EQ(backward.at("block2.layer.0.conv2"), recompute ? 3 : 2);
    EXPECT_EQ(backward.at("bn1/global average pool"), 1);
    EXPECT_TRUE(spans.observer() && *spans.observer());
    spans.stop();
    EXPECT_FALSE(*spans.observer()) << "nothing is observed any more";
  }
}

}  // namespace
}  // namespace skein::testing
