#include "data/image/resample.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/simd.h"

namespace skein {
namespace {

// Two pixels at a time. The order of the sum is the same on every instruction set, so the bits are too.
typedef float Floats4 __attribute__((vector_size(16)));
typedef float Floats8 __attribute__((vector_size(32)));

inline __attribute__((always_inline)) void weigh(const float* row, int64_t origin, const int32_t* first,
                                                 int64_t outputs, int64_t taps, const float* lanes, const float* scale,
                                                 float* out) {
  Floats4 scales;
  std::memcpy(&scales, scale, sizeof scales);
  for (int64_t k = 0; k < outputs; ++k, out += 3) {
    const float* pixel = row + 4 * (first[k] - origin);
    Floats8 sum = {};
    for (int64_t t = 0; t < taps; t += 2, pixel += 8, lanes += 8) {
      Floats8 value, weight;
      std::memcpy(&value, pixel, sizeof value);
      std::memcpy(&weight, lanes, sizeof weight);
      sum += value * weight;
    }
    Floats4 halves[2];
    std::memcpy(halves, &sum, sizeof sum);
    const Floats4 result = (halves[0] + halves[1]) * scales;
    std::memcpy(out, &result, sizeof result);
  }
}

}  // namespace

void AxisWeights::make(const Extent& e, int64_t outputs, bool mirrored) {
  CHECK(outputs > 0 && e.length > 0 && e.low < e.high, "{} outputs of [{}, {}) + {}", outputs, e.low, e.high, e.length);
  const double step = e.length / double(outputs), support = std::max(1.0, step);
  const auto centre = [&](int64_t k) { return e.begin + (double(k) + 0.5) * step; };
  const auto from = [&](int64_t k) {
    return std::clamp(int64_t(std::floor(centre(k) - support + 0.5)), e.low, e.high - 1);
  };
  const auto to = [&](int64_t k) {
    return std::clamp(int64_t(std::floor(centre(k) + support + 0.5)), from(k) + 1, e.high);
  };
  int64_t most = 0;
  for (int64_t k = 0; k < outputs; ++k) most = std::max(most, to(k) - from(k));
  taps = (most + 1) / 2 * 2;
  first.resize(size_t(outputs));
  weights.assign(size_t(outputs * taps), 0);
  lanes.resize(size_t(outputs * taps * 4));
  begin = from(0);
  end = to(outputs - 1);
  for (int64_t k = 0; k < outputs; ++k) {
    const int64_t low = from(k), high = to(k);
    const auto weight = [&](int64_t x) { return std::max(0.0, 1 - std::abs(double(x) + 0.5 - centre(k)) / support); };
    double sum = 0;
    for (int64_t x = low; x < high; ++x) sum += weight(x);
    const auto place = size_t(mirrored ? outputs - 1 - k : k);
    first[place] = int32_t(low);
    for (int64_t x = low; x < high; ++x)
      weights[place * size_t(taps) + size_t(x - low)] = float(sum > 0 ? weight(x) / sum : double(x == low));
  }
  for (size_t i = 0; i < lanes.size(); ++i) lanes[i] = weights[i / 4];
}

SKEIN_SIMD void widen_row(const uint8_t* from, int64_t n, float* to) {
  for (int64_t i = 0; i < n; ++i) to[i] = float(from[i]);
}

SKEIN_SIMD void resample_row(const float* row, int64_t origin, const AxisWeights& x, const float* scale, float* out) {
  const auto outputs = int64_t(x.first.size());
  const float* lanes = x.lanes.data();
  const int32_t* first = x.first.data();
  switch (x.taps) {  // a constant number of taps halves the time
    case 2:
      return weigh(row, origin, first, outputs, 2, lanes, scale, out);
    case 4:
      return weigh(row, origin, first, outputs, 4, lanes, scale, out);
    default:
      return weigh(row, origin, first, outputs, x.taps, lanes, scale, out);
  }
}

SKEIN_SIMD void begin_sum(const float* row, float weight, const float* bias, int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) out[i] = bias[i] + weight * row[i];
}

SKEIN_SIMD void add_to_sum(const float* row, float weight, int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) out[i] += weight * row[i];
}

}  // namespace skein
