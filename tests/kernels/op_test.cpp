// Every row of the case tables: kernels against references, references against finite differences, ops on a tape
// against references.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <ostream>

#include "cases/op_case.h"
#include "kernels/conv.h"
#include "kernels/vector.h"
#include "tests/support/expect_close.h"
#include "tests/support/need_gpu.h"

namespace skein::testing {

void PrintTo(const OpCase& c, std::ostream* out) { *out << c.name; }
void PrintTo(const GradientCase& c, std::ostream* out) { *out << c.name; }

namespace {

class OpTest : public ::testing::TestWithParam<OpCase> {};

TEST_P(OpTest, MatchesReference) {
  const BoundCase bound = GetParam().bind(Queue{});
  if (!GetParam().name.starts_with("conv")) {
    bound.run();
    for (const Output& out : bound.outputs) expect_close(out);
    return;
  }
  // Every implementation, with the same operands and one reference.
  const Output& out = bound.outputs.at(0);
  const Numbers expected = out.expected();
  const DType type = GetParam().name.ends_with("/bf16") ? DType::bf16 : DType::f32;
  for (const std::string& implementation : cpu::conv_implementations(type)) {
    SCOPED_TRACE(implementation);
    cpu::force_conv_implementation(implementation);
    bound.queue.run(kernel::fill, std::numeric_limits<float>::quiet_NaN(), out.actual);
    bound.run();
    expect_close(out, expected);
  }
  cpu::force_conv_implementation("auto");
}

std::vector<OpCase> small_cases(Device device) {
  std::vector<OpCase> cases = op_cases(device);
  std::erase_if(cases, [](const OpCase& c) { return c.timed; });
  return cases;
}

std::string case_name(const ::testing::TestParamInfo<OpCase>& info) { return test_name(info.param.name); }

INSTANTIATE_TEST_SUITE_P(Ops, OpTest, ::testing::ValuesIn(small_cases(Device::cpu)), case_name);

// The same rows on the GPU, or on the emulator in its place. Convolutions and matrix products are the libraries':
// tests/kernels/cudnn_test.cpp and tests/kernels/cublas_test.cpp.
class CudaOpTest : public ::testing::TestWithParam<OpCase> {
 protected:
  void SetUp() override {
    SKIP_IF(gpu_absent());
    stream_ = cuda::create_stream();
  }
  void TearDown() override { cuda::destroy_stream(stream_); }
  Queue queue() const { return {Device::cuda, stream_}; }

 private:
  Stream stream_ = nullptr;
};

TEST_P(CudaOpTest, MatchesReferenceRepeatsItsBitsAndThoseOfTheCpu) {
  const BoundCase bound = GetParam().bind(queue()), again = GetParam().bind(queue());
  const bool same_bits = GetParam().same_bits && !GetParam().cuda_only;
  const BoundCase on_cpu = same_bits ? GetParam().bind(Queue{}) : BoundCase{};
  bound.run(), again.run();
  if (same_bits) on_cpu.run();
  for (size_t i = 0; i < bound.outputs.size(); ++i) {
    expect_close(bound.outputs[i]);
    const Numbers numbers = to_numbers(bound.outputs[i].actual);
    EXPECT_EQ(numbers, to_numbers(again.outputs[i].actual)) << bound.outputs[i].name << " the second time";
    if (!same_bits) continue;
    EXPECT_EQ(numbers, to_numbers(on_cpu.outputs[i].actual)) << bound.outputs[i].name << " on the CPU";
  }
}

std::vector<OpCase> cuda_cases() {
  std::vector<OpCase> cases = small_cases(Device::cuda);
  std::erase_if(cases, [](const OpCase& c) { return c.by_library; });
  return cases;
}

INSTANTIATE_TEST_SUITE_P(CudaOps, CudaOpTest, ::testing::ValuesIn(cuda_cases()), case_name);

class GradientTest : public ::testing::TestWithParam<GradientCase> {};

// Numbers that are f32 exactly, so that a tape and a reference get the same.
Numbers drawn(int64_t n, uint32_t item) {
  Numbers x = random_numbers(n, item);
  for (double& v : x) v = double(float(v));
  return x;
}

std::vector<Numbers> inputs_of(const GradientCase& c) {
  std::vector<Numbers> inputs;
  for (const Shape& s : c.inputs) inputs.push_back(drawn(s.numel(), uint32_t(inputs.size()) + 1));
  return inputs;
}

TEST_P(GradientTest, ReferenceMatchesFiniteDifferences) {
  const GradientCase& c = GetParam();
  const std::vector<Numbers> inputs = inputs_of(c);
  const Numbers dy = drawn(int64_t(c.forward(inputs).size()), 99);
  const std::vector<Numbers> gradients = c.backward(inputs, dy);
  ASSERT_EQ(gradients.size(), inputs.size());
  auto value = [&](const std::vector<Numbers>& in) {
    const Numbers y = c.forward(in);
    double sum = 0;
    for (size_t i = 0; i < y.size(); ++i) sum += y[i] * dy[i];
    return sum;
  };
  constexpr double kStep = 1e-6;
  for (size_t k = 0; k < inputs.size(); ++k)
    for (size_t i = 0; i < inputs[k].size(); ++i) {
      std::vector<Numbers> up = inputs, down = inputs;
      up[k][i] += kStep;
      down[k][i] -= kStep;
      EXPECT_NEAR(gradients[k][i], (value(up) - value(down)) / (2 * kStep), 1e-7) << "input " << k << "[" << i << "]";
    }
}

void fill(Queue q, const Numbers& from, size_t first, View to) {
  std::vector<float> values(size_t(to.numel()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = float(from.at(first + i));
  q.run(kernel::copy_from_host, values.data(), to);
}

// The op of the engine: its value, and the gradient of every input. An operand in another's place fails here.
TEST_P(GradientTest, TapeMatchesReference) {
  const GradientCase& c = GetParam();
  Arena arena(Device::cpu);
  Tape tape({}, arena);
  const std::vector<Numbers> inputs = inputs_of(c);
  std::vector<Var> x;
  for (size_t k = 0; k < inputs.size(); ++k) {
    x.push_back(tape.output(DType::f32, c.inputs[k]));
    fill(tape.queue, inputs[k], 0, x[k]->value);
  }
  const std::vector<Var> results = c.on_tape(tape, x);
  const Numbers expected = c.forward(inputs);
  size_t first = 0;
  for (const Var& y : results) {
    const size_t n = size_t(y->value.numel());
    ASSERT_LE(first + n, expected.size());
    expect_close(expect("y", y->value, [&] { return Numbers(&expected[first], &expected[first] + n); }));
    first += n;
  }
  ASSERT_EQ(first, expected.size());

  // One number is a loss: backward() starts from it. Otherwise each result gets a gradient of its own.
  const bool is_loss = expected.size() == 1;
  const Numbers dy = is_loss ? Numbers{1} : drawn(int64_t(expected.size()), 99);
  const Var loss = is_loss ? results[0] : tape.output(DType::f32, {1});
  first = 0;
  for (const Var& y : results) {
    if (!is_loss)
      tape.on_backward_if([] { return true; }, [&tape, &dy, first](View d) { fill(tape.queue, dy, first, d); }, y);
    first += size_t(y->value.numel());
  }
  tape.backward(loss);
  const std::vector<Numbers> gradients = c.backward(inputs, dy);
  for (size_t k = 0; k < inputs.size(); ++k) {
    ASSERT_TRUE(x[k]->grad.defined()) << "input " << k;
    expect_close(expect("gradient of input " + std::to_string(k), x[k]->grad, [&] { return gradients[k]; }));
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, GradientTest, ::testing::ValuesIn(gradient_cases()),
                         [](const auto& info) { return test_name(info.param.name); });

}  // namespace
}  // namespace skein::testing
