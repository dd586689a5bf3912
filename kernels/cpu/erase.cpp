#include "kernels/erase.h"

#include <algorithm>

#include "base/check.h"
#include "kernels/cpu/dialect/element.h"

namespace skein::cpu {

void erase(Stream, View boxes, View images) {
  const int64_t height = images.dims[1], width = images.dims[2], channels = images.dims[3];
  CHECK(boxes.dtype == DType::i32, "boxes are i32");
  CHECK(boxes.numel() == 4 * images.dims[0], "{} numbers for the boxes of {} images", boxes.numel(), images.dims[0]);
  for (int64_t b = 0; b < images.dims[0]; ++b) {
    const Box& box = boxes.as<const Box>()[b];
    CHECK(box.top >= 0 && box.left >= 0 && box.height >= 0 && box.width >= 0 && box.top + box.height <= height &&
              box.left + box.width <= width,
          "box {} x {} at ({}, {}) of an image of {} x {}", box.height, box.width, box.top, box.left, height, width);
    dispatch(images.dtype, [&]<class T>() {
      for (int64_t y = box.top; y < box.top + box.height; ++y)
        std::fill_n(images.as<T>() + ((b * height + y) * width + box.left) * channels, box.width * channels, T{});
    });
  }
}

}  // namespace skein::cpu
