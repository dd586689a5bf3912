#include "data/image/jpeg/idct.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace skein {
namespace {

int16_t saturated(int32_t x) { return int16_t(std::clamp(x, -32768, 32767)); }

// One-dimensional transform of eight numbers, `step` apart. Sums of two inputs are 16-bit numbers and all others 32-bit
// numbers, as in the vector version. Overflow, which no image causes, wraps around.
void transform_line(const int16_t* in, int step, int shift, int16_t* out) {
  const auto sum = [&](int a, int b) { return int16_t(in[a * step] + in[b * step]); };
  const auto times = [](int16_t x, int factor) { return uint32_t(x * factor); };
  const auto at = [&](int i, int factor) { return times(in[i * step], factor); };
  const uint32_t low = uint32_t(sum(0, 4)) << kJpegConstantBits;
  const uint32_t high = uint32_t(int16_t(in[0] - in[4 * step])) << kJpegConstantBits;
  const uint32_t turned2 = at(2, k0_541) + at(6, k0_541 - k1_847), turned3 = at(2, k0_541 + k0_765) + at(6, k0_541);
  const uint32_t even[4] = {low + turned3, high + turned2, high - turned2, low - turned3};
  const int16_t z3 = sum(3, 7), z4 = sum(1, 5);
  const uint32_t t3 = times(z3, k1_175 - k1_961) + times(z4, k1_175);
  const uint32_t t4 = times(z3, k1_175) + times(z4, k1_175 - k0_390);
  const uint32_t odd[4] = {at(1, k1_501 - k0_899) + at(7, -k0_899) + t4, at(3, k3_072 - k2_562) + at(5, -k2_562) + t3,
                           at(5, k2_053 - k2_562) + at(3, -k2_562) + t4, at(7, k0_298 - k0_899) + at(1, -k0_899) + t3};
  const uint32_t half = 1u << (shift - 1);
  for (int i = 0; i < 4; ++i) {
    out[i] = saturated(int32_t(even[i] + odd[i] + half) >> shift);
    out[7 - i] = saturated(int32_t(even[i] - odd[i] + half) >> shift);
  }
}

}  // namespace

bool jpeg_transform_plain(int16_t* coefficients, int64_t n, const uint16_t* quant, uint8_t* samples, int64_t stride) {
  bool sane = true;
  for (int64_t block = 0; block < n; ++block, coefficients += 64, samples += 8) {
    int16_t columns[64], line[8];
    for (int i = 0; i < 64; ++i) coefficients[i] = int16_t(uint32_t(coefficients[i]) * quant[i]);
    for (int i = 0; i < 8; ++i) sane = sane && std::abs(int(coefficients[i])) <= kMaxJpegCoefficient;
    for (int x = 0; x < 8; ++x) transform_line(coefficients + x, 8, kJpegConstantBits - kJpegPassBits, columns + 8 * x);
    for (int y = 0; y < 8; ++y) {
      transform_line(columns + y, 8, kJpegConstantBits + kJpegPassBits + 3, line);
      for (int x = 0; x < 8; ++x) samples[y * stride + x] = uint8_t(std::clamp<int>(line[x], -128, 127) + 128);
    }
    std::memset(coefficients, 0, 64 * sizeof(int16_t));
  }
  return sane;
}

bool jpeg_inverse_transform(int16_t* coefficients, int64_t n, const uint16_t* quant, uint8_t* samples, int64_t stride) {
  static const JpegTransform transform = __builtin_cpu_supports("avx2") ? jpeg_transform_avx2 : jpeg_transform_plain;
  return transform(coefficients, n, quant, samples, stride);
}

}  // namespace skein
