// How CPU kernels use the machine: one binary runs everywhere, so a hot loop is a leaf function compiled once per
// instruction set (SKEIN_SIMD picks the clone when the program starts) and called with a range from parallel_ranges().
// Contraction is off in the whole build: a*b+c has the same bits in every clone unless std::fma is written.
#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>

// Sanitizers and clones do not mix (the resolver runs before the sanitizer is up), so those builds take one version.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define SKEIN_SIMD __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SKEIN_SIMD
#endif

namespace skein::cpu {

// Calls body(begin, end) once per thread on contiguous ranges of [0, n), each a multiple of `grain` but the last.
// The split depends on n, grain and the number of threads only, so results are reproducible. Either one thread or all:
// libgomp ends the threads that a smaller team does not need and starts them anew for the next larger one.
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
