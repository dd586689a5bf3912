// Every row of the case table: kernel against reference, and references against finite differences.
#include <gtest/gtest.h>

#include <cmath>
#include <ostream>

#include "cases/op_case.h"
#include "kernels/conv.h"

namespace skein {

void PrintTo(const OpCase& c, std::ostream* out) { *out << c.name; }
void PrintTo(const GradientCase& c, std::ostream* out) { *out << c.name; }

namespace {

// GoogleTest wants names of letters and digits.
std::string test_name(std::string name) {
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

void expect_close(const Output& out) {
  const Numbers actual = to_numbers(out.actual), expected = out.expected();
  ASSERT_EQ(actual.size(), expected.size()) << out.name;
  double scale = 0, worst = 0;
  size_t where = 0;
  for (const double e : expected) scale = std::max(scale, std::abs(e));
  for (size_t i = 0; i < actual.size(); ++i) {
    const double error = std::abs(actual[i] - expected[i]);
    if (!(error <= worst)) worst = error, where = i;  // a NaN is the worst of all
  }
  EXPECT_LE(worst, out.tolerance * scale)
      << out.name << "[" << where << "] is " << actual[where] << ", not " << expected[where];
}

class OpTest : public testing::TestWithParam<OpCase> {};

TEST_P(OpTest, MatchesReference) {
  const bool conv = GetParam().name.starts_with("conv");
  for (const std::string& implementation : conv ? cpu::conv_implementations() : std::vector<std::string>{"auto"}) {
    SCOPED_TRACE(implementation);
    cpu::force_conv_implementation(implementation);
    const BoundCase bound = GetParam().bind(Queue{});
    bound.run();
    for (const Output& out : bound.outputs) expect_close(out);
  }
  cpu::force_conv_implementation("auto");
}

std::vector<OpCase> small_cases() {
  std::vector<OpCase> cases = op_cases();
  std::erase_if(cases, [](const OpCase& c) { return c.timed; });
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Ops, OpTest, testing::ValuesIn(small_cases()),
                         [](const auto& info) { return test_name(info.param.name); });

class GradientTest : public testing::TestWithParam<GradientCase> {};

TEST_P(GradientTest, ReferenceMatchesFiniteDifferences) {
  const GradientCase& c = GetParam();
  const Numbers dy = random_numbers(int64_t(c.forward(c.inputs).size()), 99);
  const std::vector<Numbers> gradients = c.backward(c.inputs, dy);
  ASSERT_EQ(gradients.size(), c.inputs.size());
  auto value = [&](const std::vector<Numbers>& in) {
    const Numbers y = c.forward(in);
    double sum = 0;
    for (size_t i = 0; i < y.size(); ++i) sum += y[i] * dy[i];
    return sum;
  };
  constexpr double kStep = 1e-6;
  for (size_t k = 0; k < c.inputs.size(); ++k)
    for (size_t i = 0; i < c.inputs[k].size(); ++i) {
      std::vector<Numbers> up = c.inputs, down = c.inputs;
      up[k][i] += kStep;
      down[k][i] -= kStep;
      EXPECT_NEAR(gradients[k][i], (value(up) - value(down)) / (2 * kStep), 1e-7) << "input " << k << "[" << i << "]";
    }
}

INSTANTIATE_TEST_SUITE_P(Ops, GradientTest, testing::ValuesIn(gradient_cases()),
                         [](const auto& info) { return test_name(info.param.name); });

}  // namespace
}  // namespace skein
