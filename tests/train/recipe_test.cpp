// The rules of training recipes against PyTorch's numbers, which tests/oracle/recipe_check.py has written.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/files.h"
#include "base/formats/json.h"
#include "cases/op_case.h"
#include "kernels/adamw_step.h"
#include "kernels/clip_norm.h"
#include "kernels/cross_entropy.h"
#include "kernels/vector.h"
#include "local_sgd/learning_rate.h"

namespace skein::testing {
namespace {

const Json::Array& golden(const char* rule) {
  static const Json all = Json::parse(read_text(SKEIN_SOURCE_DIR "/tests/golden/recipe.json"));
  return all.at(rule).elements();
}

// The numbers of an array, or of an array of arrays one after another.
Numbers numbers(const Json& j) {
  Numbers all;
  for (const Json& x : j.elements())
    if (std::string(x.type_name()) == "array")
      for (const Json& y : x.elements()) all.push_back(y.get<double>());
    else
      all.push_back(x.get<double>());
  return all;
}

template <class T = float>
Tensor tensor(const Json& j) {
  const Numbers all = numbers(j);
  const std::vector<T> list(all.begin(), all.end());
  return Tensor::from(Device::cpu, list, {int64_t(list.size())});
}

double number(const Json& j, const char* key) { return j.at(key).get<double>(); }

// Checks `actual` against `expected`, relative to the largest number, and notes the difference for a report.
void expect_near(const Numbers& actual, const Numbers& expected, double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  double most = 0, difference = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    most = std::max(most, std::abs(expected[i]));
    difference = std::max(difference, std::isnan(actual[i]) ? INFINITY : std::abs(actual[i] - expected[i]));
  }
  EXPECT_LE(difference, tolerance * most);
  static double largest = 0;
  static const ::testing::TestInfo* test = nullptr;
  const auto* now = ::testing::UnitTest::GetInstance()->current_test_info();
  largest = now == test ? std::max(largest, difference / most) : difference / most;
  test = now;
  ::testing::Test::RecordProperty("largest_difference", fmt::format("{:.1e}", largest));
}

void expect_rates(const LearningRateSchedule& schedule, const Json& expected, int64_t steps_per_epoch) {
  Numbers rates;
  for (int64_t s = 0; s < int64_t(schedule.epochs) * steps_per_epoch; ++s)
    rates.push_back(schedule.at(s, steps_per_epoch));
  expect_near(rates, numbers(expected.at("rates")), 1e-12);
}

TEST(Recipe, CosineIsPyTorchs) {
  for (const Json& j : golden("cosine")) {
    LearningRateSchedule s;
    s.lr = number(j, "peak");
    s.shape = RateShape::cosine;
    s.epochs = number(j, "epochs");
    s.min_rate = number(j, "min");
    s.warmup_from = number(j, "start");
    s.warmup_epochs = number(j, "warm_epochs");
    expect_rates(s, j, j.at("steps_per_epoch").get<int64_t>());
  }
}

TEST(Recipe, OneCycleIsPyTorchs) {
  for (const Json& j : golden("one_cycle")) {
    LearningRateSchedule s;
    s.lr = number(j, "peak");
    s.shape = RateShape::one_cycle;
    s.epochs = number(j, "epochs");
    s.rise = number(j, "rise");
    expect_rates(s, j, j.at("steps_per_epoch").get<int64_t>());
  }
}

TEST(Recipe, SmoothedAndMixedLabelsArePyTorchs) {
  for (const Json& j : golden("cross_entropy")) {
    const int64_t classes = j.at("classes").get<int64_t>(), rows = int64_t(j.at("labels").size());
    const Tensor logits = tensor(j.at("logits")).reshape({rows, classes});
    const Tensor loss = Tensor::zeros(Device::cpu, DType::f32, {1});
    const Tensor d = Tensor::zeros(Device::cpu, DType::f32, {rows, classes});
    const Tensor correct = Tensor::zeros(Device::cpu, DType::i32, {2});
    const bool mixed = j.contains("second");
    Queue{}.run(kernel::cross_entropy, logits, tensor<int32_t>(j.at("labels")),
                mixed ? tensor<int32_t>(j.at("second")) : Tensor{}, mixed ? tensor(j.at("weight")) : Tensor{},
                float(number(j, "smoothing")), loss, correct, d);
    expect_near(to_numbers(loss), {number(j, "loss")}, 1e-6);
    expect_near(to_numbers(d), numbers(j.at("gradient")), 1e-6);
  }
}

TEST(Recipe, ClippedGradientsArePyTorchs) {
  for (const Json& j : golden("clip_norm")) {
    const Tensor grad = tensor(j.at("before"));
    Queue{}.run(kernel::clip_norm, float(number(j, "most")), grad);
    expect_near(to_numbers(grad), numbers(j.at("after")), 1e-6);
  }
}

TEST(Recipe, AdamwIsPyTorchs) {
  for (const Json& j : golden("adamw")) {
    const Tensor value = tensor(j.at("value")), steps = Tensor::zeros(Device::cpu, DType::f32, {1});
    const Tensor first = Tensor::zeros(Device::cpu, DType::f32, value.shape());
    const Tensor second = Tensor::zeros(Device::cpu, DType::f32, value.shape());
    const AdamwHyper hyper{number(j, "beta1"), number(j, "beta2"), number(j, "epsilon"), number(j, "decay")};
    const auto rates = j.at("rates").get<std::vector<float>>();
    for (size_t s = 0; s < rates.size(); ++s) {
      Queue{}.run(kernel::adamw_step, value, tensor(j.at("gradients").at(s)), first, second, Tensor{}, steps, &rates[s],
                  hyper, j.at("decayed").get<int64_t>());
      expect_near(to_numbers(value), numbers(j.at("after").at(s)), 1e-6);
    }
  }
}

TEST(Recipe, AveragedWeightsAreTimms) {
  for (const Json& j : golden("ema")) {
    const Tensor average = tensor(j.at("start"));
    for (size_t s = 0; s < j.at("values").size(); ++s) {
      Queue{}.run(kernel::ema, number(j, "decay"), tensor(j.at("values").at(s)), average);
      expect_near(to_numbers(average), numbers(j.at("after").at(s)), 1e-6);
    }
  }
}

}  // namespace
}  // namespace skein::testing
