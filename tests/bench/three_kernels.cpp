// Microseconds that three kernels take on one thread, their operands in cache, as lines NAME MICROSECONDS: the fastest
// of several rounds. tests/bench/compilers.py builds it with two compilers.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "kernels/batch_norm.h"
#include "kernels/sgd_step.h"
#include "kernels/vector.h"

namespace skein {
namespace {

constexpr int64_t kElements = 16384, kChannels = 64;
constexpr int kRounds = 10, kCalls = 100;

struct Memory {
  std::vector<float> numbers;
  explicit Memory(int64_t elements = kElements, float value = 0.5f) : numbers(size_t(elements), value) {}
};

View images(Memory& m) { return {m.numbers.data(), DType::f32, {1, 1, kElements / kChannels, kChannels}}; }
View vector(Memory& m) { return {m.numbers.data(), DType::f32, {1, 1, 1, int64_t(m.numbers.size())}}; }

template <class Call>
void print_time(const char* name, Call&& call) {
  using Clock = std::chrono::steady_clock;
  double fastest = 1e30;
  for (int round = 0; round < kRounds; ++round) {
    const Clock::time_point start = Clock::now();
    for (int i = 0; i < kCalls; ++i) call();
    fastest = std::min(fastest, std::chrono::duration<double, std::micro>(Clock::now() - start).count() / kCalls);
  }
  fmt::print("{} {:.3f}\n", name, fastest);
}

// Results lie where an operand does, as in training, and numbers stay in the range of normal ones.
void run() {
  Memory x, y, z, zero(kChannels, 0), one(kChannels, 1);
  print_time("relu_backward", [&] { cpu::relu_backward(nullptr, vector(x), vector(y), vector(y)); });
  print_time("batch_norm_inference", [&] {
    cpu::batch_norm_inference(nullptr, images(x), vector(one), vector(zero), {}, true, 0, {vector(zero), vector(one)},
                              images(x));
  });
  const float rate = 0;
  print_time("sgd_step", [&] { cpu::sgd_step(nullptr, vector(x), vector(y), vector(z), {}, &rate, {}, kElements); });
}

}  // namespace
}  // namespace skein

int main() { skein::run(); }
