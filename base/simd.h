// Instruction sets and threads of CPU kernels. One binary runs on every x86-64: a hot loop is a leaf function marked
// SKEIN_SIMD, compiled once per instruction set (the loader picks the clone at program start) and called with a range
// from parallel_ranges(). Floating-point contraction is off in the whole build: a*b+c has the same bits in every clone
// unless std::fma is written.
#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>

// Sanitizer builds have a single version: the resolver of a clone runs before the sanitizer is initialised.
#if defined(__has_feature)
#define SKEIN_CLANG_HAS(feature) __has_feature(feature)
#else
#define SKEIN_CLANG_HAS(feature) 0
#endif
#if !defined(__x86_64__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                        \
    SKEIN_CLANG_HAS(address_sanitizer) || SKEIN_CLANG_HAS(thread_sanitizer) || SKEIN_CLANG_HAS(memory_sanitizer) || \
    SKEIN_CLANG_HAS(undefined_behavior_sanitizer)
#define SKEIN_SIMD
#elif defined(__clang__) || __GNUC__ < 11
// The resolvers of clang and of g++ 10 do not know the levels of x86-64.
#define SKEIN_SIMD __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define SKEIN_SIMD __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif

// Stands before a loop over elements whose iterations are independent: a result may be an operand, but they do not
// overlap in another way. The loop is vectorised without a comparison of addresses.
#ifdef __clang__
#define SKEIN_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define SKEIN_INDEPENDENT _Pragma("GCC ivdep")
#endif

namespace skein::cpu {

// Calls body(begin, end) once per thread on contiguous ranges of [0, n). Every range but the last is a multiple of
// `grain`. The split depends only on n, grain and the number of threads, so results are reproducible. It uses one
// thread or all of them, because libgomp destroys threads that a smaller team does not need and creates them again
// later.
template <class Body>
void parallel_ranges(int64_t n, int64_t grain, Body&& body) {
  const int64_t blocks = (n + grain - 1) / grain;
#pragma omp parallel if (blocks > 1)
  {
    const int64_t t = omp_get_thread_num(), team = omp_get_num_threads();
    const int64_t begin = std::min(n, blocks * t / team * grain), end = std::min(n, blocks * (t + 1) / team * grain);
    if (begin < end) body(begin, end);
  }
}

}  // namespace skein::cpu
