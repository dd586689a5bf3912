#include "kernels/device/peak.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>

#include "base/simd.h"
#include "kernels/conv.h"
#include "kernels/cpu/device/bf16_products.h"
#include "kernels/device/runtime.h"

// Vectors are passed only to inlined functions, so their calling convention does not matter.
#pragma GCC diagnostic ignored "-Wpsabi"

namespace skein::cpu {
namespace {

constexpr int kAccumulators = 12;  // more than latency times throughput on any core, fewer than the vector registers
constexpr int64_t kIterations = 2'000'000;
constexpr int kRounds = 5;

template <int kFloats>
struct Vector {
  typedef float Type __attribute__((vector_size(kFloats * 4)));
};

// s*a + b as one instruction, against the rule of the build. Each compiler has its own way to say so;
// clang is also told not to halve vectors of 512 bits.
#if defined(__clang__)
#define CONTRACT_FUNCTION clang::min_vector_width(512)
#define CONTRACT_BLOCK _Pragma("clang fp contract(fast)")
#else
#define CONTRACT_FUNCTION gnu::optimize("fp-contract=fast")
#define CONTRACT_BLOCK
#endif

template <int kFloats>
[[gnu::always_inline, CONTRACT_FUNCTION]] inline float multiply_add() {
  CONTRACT_BLOCK
  using V = typename Vector<kFloats>::Type;
  // A read of a volatile for each: accumulators that are known to be equal would become one.
  volatile float zero = 0;
  V sums[kAccumulators] = {}, a = {}, b = {};
  for (V& s : sums) s += zero;
  a += 0.5f + zero;
  b += 0.25f + zero;
  for (int64_t i = 0; i < kIterations; ++i) {
#pragma GCC unroll 12
    for (V& s : sums) s = s * a + b;
  }
  V total = {};
  for (const V& s : sums) total += s;
  return total[0];
}

#if defined(__x86_64__)
[[gnu::target("avx512f"), CONTRACT_FUNCTION]] float multiply_add_512() { return multiply_add<16>(); }
[[gnu::target("avx2,fma"), CONTRACT_FUNCTION]] float multiply_add_256() { return multiply_add<8>(); }
#endif
float multiply_add_128() { return multiply_add<4>(); }

struct Widest {
  float (*run)();
  int floats;
};
Widest widest() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return {multiply_add_512, 16};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {multiply_add_256, 8};
#endif
  return {multiply_add_128, 4};
}

template <class Body>
double fastest_seconds(Body&& body) {
  double best = 1e30;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    body();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

}  // namespace

double measure_fma_gflops() {
  const Widest w = widest();
  const int threads = omp_get_max_threads();
  volatile float sink = 0;
  const double seconds = fastest_seconds([&] {
#pragma omp parallel num_threads(threads)
    if (const float value = w.run(); omp_get_thread_num() == 0) sink = value;
  });
  return 2.0 * kAccumulators * double(kIterations) * w.floats * threads / seconds * 1e-9;
}

double measure_bf16_gflops() {
  const std::vector<std::string> all = conv_implementations(DType::bf16);
  const auto has = [&](const char* name) { return std::count(all.begin(), all.end(), name) > 0; };
  const auto run = has("amx") ? multiply_tiles : has("avx512-bf16") ? multiply_pairs : nullptr;
  if (!run) return measure_fma_gflops();
  const int threads = omp_get_max_threads();
  double flops = 0;  // of a thread
  const double seconds = fastest_seconds([&] {
#pragma omp parallel num_threads(threads)
    if (const double own = run(kIterations / 4); omp_get_thread_num() == 0) flops = own;
  });
  return flops * threads / seconds * 1e-9;
}

double measure_copy_gbs() {
  constexpr int64_t kBytes = int64_t{256} << 20;
  std::unique_ptr<char, Release*> from(static_cast<char*>(allocate(kBytes)), release);
  std::unique_ptr<char, Release*> to(static_cast<char*>(allocate(kBytes)), release);
  auto ranges = [&](auto body) { parallel_ranges(kBytes, 4096, body); };
  ranges([&](int64_t b, int64_t e) { std::memset(from.get() + b, 1, size_t(e - b)); });
  const double seconds = fastest_seconds(
      [&] { ranges([&](int64_t b, int64_t e) { std::memcpy(to.get() + b, from.get() + b, size_t(e - b)); }); });
  return 2.0 * double(kBytes) / seconds * 1e-9;
}

}  // namespace skein::cpu
