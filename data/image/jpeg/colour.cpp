#include "data/image/jpeg/colour.h"

#include <algorithm>
#include <cstring>

#include "base/simd.h"

namespace skein {

SKEIN_SIMD void jpeg_widen(const uint8_t* __restrict from, int64_t n, uint8_t* __restrict to) {
  for (int64_t i = 1; i + 1 < n; ++i) {
    to[2 * i] = uint8_t((3 * from[i] + from[i - 1] + 1) >> 2);
    to[2 * i + 1] = uint8_t((3 * from[i] + from[i + 1] + 2) >> 2);
  }
  to[0] = from[0];
  to[2 * n - 1] = from[n - 1];
  if (n == 1) return;
  to[1] = uint8_t((3 * from[0] + from[1] + 2) >> 2);
  to[2 * n - 2] = uint8_t((3 * from[n - 1] + from[n - 2] + 1) >> 2);
}

SKEIN_SIMD void jpeg_widen(const uint8_t* __restrict near, const uint8_t* __restrict far, int64_t n,
                           uint8_t* __restrict to) {
  const auto column = [&](int64_t i) { return 3 * near[i] + far[i]; };
  for (int64_t i = 1; i + 1 < n; ++i) {
    to[2 * i] = uint8_t((3 * column(i) + column(i - 1) + 8) >> 4);
    to[2 * i + 1] = uint8_t((3 * column(i) + column(i + 1) + 7) >> 4);
  }
  to[0] = uint8_t((4 * column(0) + 8) >> 4);
  to[2 * n - 1] = uint8_t((4 * column(n - 1) + 7) >> 4);
  if (n == 1) return;
  to[1] = uint8_t((3 * column(0) + column(1) + 7) >> 4);
  to[2 * n - 2] = uint8_t((3 * column(n - 1) + column(n - 2) + 8) >> 4);
}

SKEIN_SIMD void jpeg_between(const uint8_t* __restrict near, const uint8_t* __restrict far, bool upper, int64_t n,
                             uint8_t* __restrict to) {
  const int bias = upper ? 1 : 2;
  for (int64_t i = 0; i < n; ++i) to[i] = uint8_t((3 * near[i] + far[i] + bias) >> 2);
}

SKEIN_SIMD void jpeg_repeat(const uint8_t* __restrict from, int64_t n, uint8_t* __restrict to) {
  for (int64_t i = 0; i < n; ++i) to[2 * i] = to[2 * i + 1] = from[i];
}

SKEIN_SIMD void jpeg_rgbx(const uint8_t* __restrict y, const uint8_t* __restrict cb, const uint8_t* __restrict cr,
                          int64_t n, uint8_t* __restrict to) {
  // 1.402, -0.344136286, -0.714136286 and 1.772 in 16 bits.
  constexpr int32_t kRed = 91881, kGreenBlue = -22554, kGreenRed = -46802, kBlue = 116130, kHalf = 1 << 15;
  for (int64_t i = 0; i < n; ++i) {
    const int32_t blue = cb[i] - 128, red = cr[i] - 128;
    const int32_t r = std::clamp(y[i] + ((kRed * red + kHalf) >> 16), 0, 255);
    const int32_t g = std::clamp(y[i] + ((kGreenBlue * blue + kGreenRed * red + kHalf) >> 16), 0, 255);
    const int32_t b = std::clamp(y[i] + ((kBlue * blue + kHalf) >> 16), 0, 255);
    const uint32_t pixel = uint32_t(r) | uint32_t(g) << 8 | uint32_t(b) << 16 | 0xff000000u;
    std::memcpy(to + 4 * i, &pixel, sizeof pixel);
  }
}

SKEIN_SIMD void jpeg_rgbx(const uint8_t* __restrict grey, int64_t n, uint8_t* __restrict to) {
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t pixel = grey[i] * 0x010101u | 0xff000000u;
    std::memcpy(to + 4 * i, &pixel, sizeof pixel);
  }
}

}  // namespace skein
