#include "engine/gradient.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>

namespace skein::testing {
namespace {

// Two tensors with weight decay and one without; no size is a multiple of the padding. Gradients are half the values.
struct Store {
  Store() {
    parameters.add({"w1", {5000}, {Init::normal, 1.0}});
    parameters.add({"w2", {37}, {Init::normal, 1.0}});
    parameters.add({"gamma", {10}, {Init::ones}, false});
    parameters.build(Device::cpu, 4);
    const View value = parameters.value, grad = parameters.grad;
    for (int64_t i = 0; i < value.numel(); ++i) grad.as<float>()[i] = value.as<float>()[i] / 2;
  }
  std::vector<float> grad() const { return parameters.grad.to_vector(); }
  ParameterStore parameters;
};

void expect_padding_zero(const ParameterStore& parameters) {
  std::vector<float> rest = parameters.grad.to_vector();
  for (const Segment& s : parameters.segments()) std::fill_n(rest.begin() + std::ptrdiff_t(s.begin), s.count, 0.0f);
  EXPECT_EQ(rest, std::vector<float>(rest.size(), 0.0f));
}

std::vector<float> noisy(float sigma, uint64_t seed, uint32_t worker, uint32_t step, int threads = 1) {
  Store store;
  const int before = omp_get_max_threads();
  omp_set_num_threads(threads);
  add_noise(store.parameters, sigma, {seed, worker, &step}, Queue{});
  omp_set_num_threads(before);
  expect_padding_zero(store.parameters);
  return store.grad();
}

TEST(Gradient, NoiseIsAFunctionOfSeedWorkerAndStep) {
  const std::vector<float> noise = noisy(0.1f, 1, 2, 3);
  EXPECT_EQ(noise, noisy(0.1f, 1, 2, 3, 4)) << "more threads";
  EXPECT_NE(noise, noisy(0.1f, 9, 2, 3));
  EXPECT_NE(noise, noisy(0.1f, 1, 9, 3));
  EXPECT_NE(noise, noisy(0.1f, 1, 2, 9));
  EXPECT_EQ(Store().grad(), noisy(0, 1, 2, 3));
}

TEST(Gradient, NoiseHasItsDeviationAndNoCorrelation) {
  ParameterStore parameters;
  parameters.add({"w", {100000}, {}});
  parameters.build(Device::cpu, 0);
  const uint32_t step = 5;
  add_noise(parameters, 0.5f, {1, 0, &step}, Queue{});
  const std::vector<float> z = parameters.grad.to_vector();
  const size_t n = 100000;
  double sum = 0, squares = 0, neighbours = 0;
  for (size_t i = 0; i < n; ++i) sum += z[i], squares += double(z[i]) * z[i];
  for (size_t i = 0; i + 1 < n; ++i) neighbours += double(z[i]) * z[i + 1];
  EXPECT_NEAR(sum / n, 0, 0.0064);  // 4 standard errors each
  EXPECT_NEAR(squares / n, 0.25, 0.0045);
  EXPECT_NEAR(neighbours / n, 0, 0.0032);
}

TEST(Gradient, LarsScalesEveryDecayedTensorByItself) {
  Store store;
  const std::vector<float> value = store.parameters.value.to_vector(), before = store.grad();
  scale_gradients(store.parameters, {0.02f, 0.1f}, Queue{});
  const std::vector<float> after = store.grad();
  expect_padding_zero(store.parameters);
  for (const Segment& s : store.parameters.segments()) {
    const bool decayed = s.begin < store.parameters.decayed();
    const double rate = decayed ? 0.02 / (0.5 + 0.1) : 1;  // the gradient's norm is half the value's
    for (size_t i = size_t(s.begin); i < size_t(s.begin + s.count); ++i)
      EXPECT_NEAR(after[i], rate * (before[i] + (decayed ? 0.1 * value[i] : 0)), 1e-7) << i;
  }
}

TEST(Gradient, LarsHasTheSameBitsForAnyNumberOfThreads) {
  const auto scaled = [](int threads) {
    ParameterStore parameters;
    parameters.add({"w", {100003}, {Init::normal, 1.0}});
    parameters.build(Device::cpu, 1);
    for (int64_t i = 0; i < 100003; ++i) parameters.grad.view().as<float>()[i] = float(i % 97);
    const int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    scale_gradients(parameters, {}, Queue{});
    omp_set_num_threads(before);
    return parameters.grad.to_vector();
  };
  EXPECT_EQ(scaled(1), scaled(3));
}

}  // namespace
}  // namespace skein::testing
