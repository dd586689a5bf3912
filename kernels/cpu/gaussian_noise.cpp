#include "kernels/gaussian_noise.h"

#include "base/check.h"
#include "base/random.h"
#include "base/simd.h"

namespace skein::cpu {

void gaussian_noise(Stream, float sigma, NoiseStream stream, int64_t first, View grad) {
  CHECK(grad.dtype == DType::f32 && first % 2 == 0, "noise on a segment that begins at {}", first);
  const int64_t n = grad.numel();
  CHECK((first + n) / 2 <= int64_t{UINT32_MAX}, "{} numbers are more than the counter has blocks for", first + n);
  constexpr int64_t kGrain = 1024;  // even: two numbers share a block of words
  parallel_ranges(n, kGrain, [&](int64_t begin, int64_t end) {
    float* g = grad.as<float>();
    for (int64_t i = begin; i < end; i += 2) {
      const RandomWords words =
          random_words(stream.seed, Purpose::noise, *stream.step, stream.worker, uint32_t((first + i) / 2));
      g[i] += float(double(sigma) * normal(words[0], words[1]));
      if (i + 1 < end) g[i + 1] += float(double(sigma) * normal(words[2], words[3]));
    }
  });
}

}  // namespace skein::cpu
