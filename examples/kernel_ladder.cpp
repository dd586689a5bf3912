// One kernel from the obvious form to the engine's: a step of SGD with Nesterov momentum and weight decay
// (kernels/sgd_step.h) over as many parameters as ResNet-50 has. Each rung prints its time, and GB/s of the 20 bytes
// per parameter that every form must move. All give the same bits. docs/kernels.md explains them.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>

#include "base/check.h"
#include "engine/optimizer.h"

using namespace skein;

constexpr float kRate = 0.1f, kMomentum = 0.9f, kDecay = 1e-4f;
constexpr int64_t kTensors = 54, kNumbers = 473'000;  // 25.5 million parameters

void fill(ParameterStore& p) {
  for (int64_t t = 0; t < kTensors; ++t) p.add({fmt::format("w{}", t), {kNumbers}, {Init::normal, 0.1}});
  p.build(Device::cpu, /*seed=*/1);
  for (int64_t i = 0; i < p.grad.numel(); ++i) p.grad.host()[i] = p.value.host()[i] / 8;
}

// Rung 1, as the formula reads: an operation at a time, each a pass over memory, and a buffer for what is in between.
void one_by_one(float* value, const float* grad, float* velocity, int64_t n) {
  std::vector<float> step(grad, grad + n);
  for (int64_t i = 0; i < n; ++i) step[size_t(i)] += kDecay * value[i];
  for (int64_t i = 0; i < n; ++i) velocity[i] *= kMomentum;
  for (int64_t i = 0; i < n; ++i) velocity[i] += step[size_t(i)];
  for (int64_t i = 0; i < n; ++i) step[size_t(i)] += kMomentum * velocity[i];
  for (int64_t i = 0; i < n; ++i) value[i] -= kRate * step[size_t(i)];
}

// Rung 2, fused: all of a parameter's arithmetic in one pass. A store may change what the other pointers point to.
void fused(float* value, const float* grad, float* velocity, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    velocity[i] = kMomentum * velocity[i] + (grad[i] + kDecay * value[i]);
    value[i] -= kRate * ((grad[i] + kDecay * value[i]) + kMomentum * velocity[i]);
  }
}

// Rung 3, told that the three do not overlap: each number is read once, and several are computed at a time.
void vectorised(float* __restrict value, const float* __restrict grad, float* __restrict velocity, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const float g = grad[i] + kDecay * value[i], v = kMomentum * velocity[i] + g;
    velocity[i] = v;
    value[i] -= kRate * (g + kMomentum * v);
  }
}

std::function<void(ParameterStore&)> over_tensors(void (*loop)(float*, const float*, float*, int64_t)) {
  return [loop](ParameterStore& p) {
    for (const Segment& s : p.segments())
      loop(p.value.host() + s.begin, p.grad.host() + s.begin, p.velocity.host() + s.begin, s.count);
  };
}

// Rung 4, the engine's kernel: one call for the flat vector, on all threads, with the processor's widest vectors.
void flat(ParameterStore& p) {
  Sgd sgd(p, {.momentum = kMomentum, .decay = kDecay, .nesterov = true}, Queue{});
  sgd.set_rate(kRate);
  sgd.step();
}

double median_seconds(const std::function<void(ParameterStore&)>& step, ParameterStore& p) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> seconds;
  for (int i = 0; i < 5; ++i) {
    const Clock::time_point start = Clock::now();
    step(p);
    seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[2];
}

int main() {
  const std::pair<const char*, std::function<void(ParameterStore&)>> rungs[] = {
      {"one operation at a time", over_tensors(one_by_one)},
      {"fused", over_tensors(fused)},
      {"fused, no overlap", over_tensors(vectorised)},
      {"flat, all threads", flat}};
  ParameterStore p;
  fill(p);
  const std::vector<float> initial(p.value.host(), p.value.host() + p.value.numel());
  std::vector<float> expected;
  double first = 0;
  fmt::print("{:<24} {:>8} {:>8} {:>7}\n", "", "ms", "GB/s", "times");
  for (const auto& [name, step] : rungs) {
    std::copy(initial.begin(), initial.end(), p.value.host());
    std::fill_n(p.velocity.host(), p.velocity.numel(), 0.0f);
    const double seconds = median_seconds(step, p);
    if (expected.empty()) expected.assign(p.value.host(), p.value.host() + p.value.numel()), first = seconds;
    CHECK(!std::memcmp(expected.data(), p.value.host(), expected.size() * sizeof(float)), "{}: other bits", name);
    fmt::print("{:<24} {:>8.1f} {:>8.1f} {:>7.1f}\n", name, seconds * 1e3, 20e-9 * double(p.count()) / seconds,
               first / seconds);
  }
}
