// Graphs of recorded forward passes. What they compute is compared with ONNX Runtime by tests/oracle/export_check.py.
#include <algorithm>
#include <cmath>
#include <set>

#include "engine/layers.h"
#include "engine/onnx/recording.h"
#include "engine/onnx/trace.h"
#include "kernels/vector.h"
#include "tests/support/small_networks.h"

namespace skein::testing {
namespace {

std::string describe(const OnnxNode& node) {
  std::string text = node.name + " = " + node.op + "(";
  for (const std::string& input : node.inputs) text += (text.back() == '(' ? "" : ", ") + input;
  return text + ")";
}

std::vector<std::string> describe(const OnnxGraph& graph) {
  std::vector<std::string> lines;
  for (const OnnxNode& node : graph.nodes) lines.push_back(describe(node));
  return lines;
}

const std::vector<float>& reals(const OnnxGraph& graph, const std::string& constant) {
  return std::get<std::vector<float>>(graph.constants.at(constant).numbers);
}

// A residual block: `a` is read twice, by the batch norm and as the shortcut.
struct Block {
  explicit Block(ParameterStore& p)
      : conv1(p, "conv1", 3, 2, 3, 1), bn1(p, "bn1", 2), conv2(p, "conv2", 2, 2, 1, 1), bn2(p, "bn2", 2) {
    p.build(Device::cpu, 1);
  }
  Var operator()(const Var& x) const {
    const Var a = conv1(x);
    return global_average_pool(bn2.add_relu(conv2(bn1.relu(a)), a));
  }
  Conv2d conv1;
  BatchNorm bn1;
  Conv2d conv2;
  BatchNorm bn2;
};

TEST(Onnx, NodesOfARecordedBlock) {
  ParameterStore p;
  const Block block(p);
  const OnnxGraph graph = record_onnx(block, p, {6, 5, 3});
  EXPECT_EQ(describe(graph),
            (std::vector<std::string>{
                "conv1 = Conv(images, conv1.weight)",
                "bn1 = BatchNormalization(conv1, bn1.weight, bn1.bias, bn1.running_mean, bn1.running_var)",
                "bn1/Relu = Relu(bn1)",
                "conv2 = Conv(bn1/Relu, conv2.weight)",
                "bn2 = BatchNormalization(conv2, bn2.weight, bn2.bias, bn2.running_mean, bn2.running_var)",
                "bn2/Add = Add(bn2, conv1)",
                "bn2/Relu = Relu(bn2/Add)",
                "logits = GlobalAveragePool(bn2/Relu)",
            }));
  EXPECT_EQ(graph.input.dims, (std::vector<int64_t>{3, 6, 5}));
  EXPECT_EQ(graph.constants.at("conv1.weight").dims, (std::vector<int64_t>{2, 3, 3, 3}));
  // w (out, kh, kw, in) -> (out, in, kh, kw)
  EXPECT_EQ(reals(graph, "conv1.weight")[27 + 2 * 9 + 5], p.value.host()[p.segments()[0].begin + 27 + 5 * 3 + 2]);
}

TEST(Onnx, FoldsBatchNormsWhoseConvolutionNothingElseReads) {
  ParameterStore p;
  const Block block(p);
  for (int64_t i = p.decayed(); i < p.value.numel(); ++i) p.value.host()[i] += 0.01f * float(i % 7);
  for (int64_t i = 0; i < p.running_statistics.numel(); ++i) p.running_statistics.host()[i] += 0.02f * float(i % 5);
  OnnxGraph graph = record_onnx(block, p, {6, 5, 3});
  const OnnxGraph before = graph;
  EXPECT_EQ(fold_batch_norms(graph), 1) << "conv1 is the shortcut as well";
  EXPECT_EQ(describe(graph)[3], "conv2 = Conv(bn1/Relu, conv2.weight, bn2.bias)");
  EXPECT_EQ(describe(graph)[4], "bn2/Add = Add(conv2, conv1)");
  for (size_t c = 0; c < 2; ++c) {
    const double slope =
        double(reals(before, "bn2.weight")[c]) / std::sqrt(double(reals(before, "bn2.running_var")[c]) + 1e-5);
    EXPECT_FLOAT_EQ(reals(graph, "conv2.weight")[2 * c + 1], float(reals(before, "conv2.weight")[2 * c + 1] * slope));
    EXPECT_FLOAT_EQ(reals(graph, "bn2.bias")[c],
                    float(reals(before, "bn2.bias")[c] - reals(before, "bn2.running_mean")[c] * slope));
  }
}

class OnnxOf : public ::testing::TestWithParam<SmallNetwork> {};

// Every value has one name and is computed before it is read; no constant is left over.
void expect_sound(const OnnxGraph& graph) {
  std::set<std::string> known{kOnnxInput}, read;
  for (const auto& constant : graph.constants) known.insert(constant.first);
  for (const OnnxNode& node : graph.nodes) {
    for (const std::string& input : node.inputs) {
      EXPECT_TRUE(known.contains(input)) << describe(node);
      read.insert(input);
    }
    EXPECT_TRUE(known.insert(node.name).second) << describe(node);
  }
  EXPECT_EQ(graph.nodes.back().name, kOnnxOutput);
  for (const auto& constant : graph.constants) EXPECT_TRUE(read.contains(constant.first)) << constant.first;
}

TEST_P(OnnxOf, HasEveryParameterAndNamesEveryValueOnce) {
  ParameterStore p;
  const auto model = GetParam().make(p);
  p.build(Device::cpu, 1);
  const int64_t size = GetParam().size;
  OnnxGraph graph = record_onnx([&](const Var& x) { return model->forward(x); }, p, {size, size, 3});
  expect_sound(graph);
  for (const auto* specs : {&p.specs(), &p.running_specs()})
    for (const ParameterSpec& s : *specs) EXPECT_TRUE(graph.constants.contains(s.name)) << s.name;
  const auto norms = int64_t(p.running_pairs().size());
  EXPECT_EQ(graph.count("BatchNormalization"), norms);
  const int64_t folded = fold_batch_norms(graph);
  EXPECT_GT(folded, 0);
  EXPECT_EQ(graph.count("BatchNormalization"), norms - folded);
  expect_sound(graph);
}

INSTANTIATE_TEST_SUITE_P(Models, OnnxOf,
                         ::testing::Values(narrow<BasicBlock>("resnet18"), narrow<Bottleneck>("resnet50"),
                                           named("wrn10-1"), named("wrn10-1", 0.3f), named("densenet-bc-10-4", 0.3f)),
                         [](const auto& info) { return name_without_dashes(info.param); });

std::string refusal(const std::function<Var(const Var&)>& forward) {
  ParameterStore p;
  p.add({"fc.weight", {4, 3}, {}});
  p.build(Device::cpu, 1);
  try {
    record_onnx(forward, p, {2, 2, 3});
  } catch (const BadInput& e) {
    return e.what();
  }
  return "no error";
}

TEST(Onnx, RefusesByNameWhatItCannotTranslate) {
  EXPECT_NE(refusal([](const Var& x) {
              x->tape->run(kernel::scale, 2.0f, x->value);
              return x;
            }).find("runs scale, which has no translation"),
            std::string::npos);
  EXPECT_NE(refusal([](const Var& x) {
              x->tape->run(kernel::axpy, 2.0f, x->value, x->value);
              return x;
            }).find("axpy with the factor 2"),
            std::string::npos);
  EXPECT_NE(refusal([](const Var& x) {
              return x->tape->output(DType::f32, {1, 1, 1, 3});
            }).find("no op has written"),
            std::string::npos);
  EXPECT_NE(refusal([](const Var& x) {
              const Tensor w = Tensor::zeros(Device::cpu, DType::f32, {4, 3});
              return conv2d(x, std::make_shared<Variable>(Variable{w, {}, {}, false, false, nullptr}), {1, 0});
            }).find("not one of its parameters"),
            std::string::npos);
}

// Memory that a later kernel writes, even a part of it, no longer holds the earlier value.
TEST(Onnx, ValuesEndWhereTheirMemoryIsWritten) {
  ParameterStore p;
  p.build(Device::cpu, 1);
  const auto at = [](uintptr_t address, int64_t n) {
    return View{reinterpret_cast<void*>(address), DType::f32, {1, 1, 1, n}};
  };
  OnnxTrace trace(p, at(0x1000, 16));
  trace.write(at(0x2000, 16), "a");
  trace.write(at(0x2040, 16), "b");
  trace.write(at(0x2080, 16), "c");
  EXPECT_EQ(trace.value(at(0x2040, 16)), "b");
  EXPECT_THROW(trace.value(at(0x2040, 8)), BadInput);
  trace.write(at(0x203c, 2), "over the end of a and the begin of b");
  EXPECT_THROW(trace.value(at(0x2000, 16)), BadInput);
  EXPECT_THROW(trace.value(at(0x2040, 16)), BadInput);
  EXPECT_EQ(trace.value(at(0x2080, 16)), "c");
  EXPECT_EQ(trace.value(at(0x1000, 16)), kOnnxInput);
}

}  // namespace
}  // namespace skein::testing
