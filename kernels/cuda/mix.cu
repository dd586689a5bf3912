// A block handles a part of one pair of images; a thread one element of both. Bytes per element of s bytes: 2s. The
// order of the operations is that of kernels/cpu/mix.cpp, so the f32 result has the same bits.
#include "kernels/cuda/dialect/gpu.h"
#include "kernels/mix.h"

namespace skein::cuda {
namespace {

template <class T>
__global__ void __launch_bounds__(kBlock) mix_kernel(const __grid_constant__ PixelMix mix, int64_t images,
                                                     int64_t numbers, int width, int channels, int parts, T* all) {
  const int pair = int(blockIdx.x) / parts, part = int(blockIdx.x) - pair * parts;
  T *a = all + int64_t{pair} * numbers, *b = all + (images - 1 - pair) * numbers;
  const int row = mix.box.width * channels;
#pragma unroll 1
  for (int i = part * kBlock + int(threadIdx.x); i < mix.box.height * row; i += parts * kBlock) {
    const int y = i / row;
    const int64_t at = (int64_t{mix.box.top + y} * width + mix.box.left) * channels + (i - y * row);
    const float u = load<1>(a + at)[0], v = load<1>(b + at)[0];
    const float to_a[1] = {mix.own * u + mix.other * v}, to_b[1] = {mix.own * v + mix.other * u};
    store(a + at, to_a);
    store(b + at, to_b);
  }
}

}  // namespace

void mix_images(Stream stream, const PixelMix& mix, View images) {
  const int64_t n = images.dims[0], height = images.dims[1], width = images.dims[2], channels = images.dims[3];
  const Box& box = mix.box;
  CHECK(box.top >= 0 && box.left >= 0 && box.top + box.height <= height && box.left + box.width <= width,
        "box {} x {} at ({}, {}) of images of {} x {}", box.height, box.width, box.top, box.left, height, width);
  CHECK(height * width * channels < (int64_t{1} << 30), "an image of {} numbers", height * width * channels);
  if (n < 2 || box.area() == 0) return;
  dispatch(images.dtype, [&]<class T>() {
    const int64_t parts = ceil_div(box.area() * channels, 4 * kBlock);  // four iterations per block
    launch(mix_kernel<T>, n / 2 * parts, kBlock, stream, mix, n, height * width * channels, int(width), int(channels),
           int(parts), images.as<T>());
  });
}

}  // namespace skein::cuda
