#include "kernels/mix.h"

#include "base/check.h"
#include "base/simd.h"
#include "kernels/cpu/dialect/element.h"

namespace skein::cpu {
namespace {

template <class T>
struct MixLoops {
  SKEIN_SIMD static void mix_rows(T* a, T* b, int64_t n, float own, float other) {
    for (int64_t i = 0; i < n; ++i) {
      const float x = widen(a[i]), y = widen(b[i]);
      put(a[i], own * x + other * y);
      put(b[i], own * y + other * x);
    }
  }
};

}  // namespace

void mix_images(Stream, const PixelMix& mix, View images) {
  const int64_t n = images.dims[0], height = images.dims[1], width = images.dims[2], channels = images.dims[3];
  const Box& box = mix.box;
  CHECK(box.top >= 0 && box.left >= 0 && box.top + box.height <= height && box.left + box.width <= width,
        "box {} x {} at ({}, {}) of images of {} x {}", box.height, box.width, box.top, box.left, height, width);
  dispatch(images.dtype, [&]<class T>() {
    T* all = images.as<T>();
    for (int64_t b = 0; b < n / 2; ++b)
      for (int64_t y = box.top; y < box.top + box.height; ++y) {
        const int64_t partner = n - 1 - b;
        MixLoops<T>::mix_rows(all + ((b * height + y) * width + box.left) * channels,
                              all + ((partner * height + y) * width + box.left) * channels, box.width * channels,
                              mix.own, mix.other);
      }
  });
}

}  // namespace skein::cpu
