#include "kernels/dropout.h"

#include "base/check.h"
#include "base/random.h"
#include "base/simd.h"
#include "kernels/cpu/dialect/element.h"

namespace skein::cpu {
namespace {

constexpr int64_t kBlocks = 256;  // blocks of four random words, drawn together

// words[w][i] = word w of block first + i. The loop over blocks is inside, so that random_words() vectorises.
SKEIN_SIMD void draw(uint64_t seed, uint32_t step, uint32_t item, uint32_t first, uint32_t (*words)[kBlocks]) {
  uint32_t* __restrict a = words[0];
  uint32_t* __restrict b = words[1];
  uint32_t* __restrict c = words[2];
  uint32_t* __restrict d = words[3];
  for (int64_t i = 0; i < kBlocks; ++i) {
    const RandomWords w = random_words(seed, Purpose::dropout, step, item, first + uint32_t(i));
    a[i] = w[0], b[i] = w[1], c[i] = w[2], d[i] = w[3];
  }
}

template <class T>
struct DropoutLoops {
  SKEIN_SIMD static void drop(const T* x, const uint32_t (*words)[kBlocks], float rate, float scale, T* y, int64_t n) {
    for (int64_t i = 0; i < n; ++i) put(y[i], uniform(words[i % 4][i / 4]) < rate ? 0.0f : widen(x[i]) * scale);
  }
};

}  // namespace

void dropout(Stream, View x, float rate, DropoutStream stream, uint32_t layer, View y) {
  CHECK(x.numel() == y.numel() && x.dtype == y.dtype, "dropout of {} numbers into {} of the same type", x.numel(),
        y.numel());
  CHECK(rate >= 0 && rate < 1 && stream.step, "dropout at rate {}", rate);
  CHECK(layer < 1 << 16 && stream.worker < 1 << 16 && x.numel() / 4 <= int64_t{UINT32_MAX},
        "dropout {} of worker {}, {} numbers", layer, stream.worker, x.numel());
  const uint32_t item = stream.worker << 16 | layer;
  const float scale = 1.0f / (1.0f - rate);
  parallel_ranges(x.numel(), 4 * kBlocks, [&](int64_t begin, int64_t end) {
    uint32_t words[4][kBlocks];
    for (int64_t i = begin; i < end; i += 4 * kBlocks) {
      draw(stream.seed, *stream.step, item, uint32_t(i / 4), words);
      dispatch(x.dtype, [&]<class T>() {
        DropoutLoops<T>::drop(x.as<T>() + i, words, rate, scale, y.as<T>() + i, std::min(4 * kBlocks, end - i));
      });
    }
  });
}

}  // namespace skein::cpu
