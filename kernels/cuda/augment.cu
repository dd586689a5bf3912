// A block handles a part of one image; a thread computes 16 bytes of output from the bytes that belong to it. Bytes per
// element: 1 read, 4 or 2 written. Operations and their order are those of kernels/cpu/augment.cpp, so the f32 result
// has the same bits.
#include "base/random.h"
#include "kernels/augment.h"
#include "kernels/cuda/dialect/columns.h"

namespace skein::cuda {
namespace {

struct Images {
  const uint8_t* pixels;
  int64_t count;
  int height, width, channels;
  Divider by_channels, by_width;
  int numbers;  // elements of one image
  int parts;    // blocks per image
};

struct Draw {
  bool flip;
  int shift_y, shift_x;  // source minus destination
};

__device__ Draw draw(const Augmentation& a, uint64_t seed, uint32_t epoch, int32_t sample) {
  if (!a.training) return {false, 0, 0};
  const RandomWords words = random_words(seed, Purpose::augment, epoch, uint32_t(sample), 0);
  const uint32_t offsets = 2 * uint32_t(a.padding) + 1;
  return {is_flipped(a.flip, seed, epoch, uint32_t(sample)), int(bounded(words.v[1], offsets)) - a.padding,
          int(bounded(words.v[2], offsets)) - a.padding};
}

// v[c], without an array that is indexed at run time.
__device__ float pick(const float (&v)[4], int c) {
  const float low = c == 0 ? v[0] : v[1], high = c == 2 ? v[2] : v[3];
  return c < 2 ? low : high;
}

template <class T, int kWidth>
__global__ void __launch_bounds__(kBlock)
    augment_kernel(const __grid_constant__ Images images, const int32_t* samples,
                   const __grid_constant__ Augmentation a, uint64_t seed, uint32_t epoch, T* out) {
  const int b = int(blockIdx.x) / images.parts, part = int(blockIdx.x) - b * images.parts;
  const int32_t sample = samples[b];
  const bool known = sample >= 0 && sample < images.count;  // an invalid sample reads nothing and gives NaN
  const uint8_t* from = images.pixels + (known ? int64_t{sample} * images.numbers : 0);
  const Draw d = draw(a, seed, epoch, sample);
  out += int64_t{b} * images.numbers;
#pragma unroll 1
  for (int first = (part * kBlock + int(threadIdx.x)) * kWidth; first < images.numbers;
       first += images.parts * kBlock * kWidth) {
    const auto [pixel, c0] = images.by_channels.divide(uint32_t(first));
    const auto [y0, x0] = images.by_width.divide(pixel);
    int y = int(y0), x = int(x0), c = int(c0);
    uint8_t bytes[kWidth];
    float mean[kWidth], deviation[kWidth];
#pragma unroll
    for (int k = 0; k < kWidth; ++k) {
      const int row = y + d.shift_y, at = d.flip ? images.width - 1 - (x + d.shift_x) : x + d.shift_x;
      const bool inside = known && unsigned(row) < unsigned(images.height) && unsigned(at) < unsigned(images.width);
      bytes[k] = inside ? from[(row * images.width + at) * images.channels + c] : uint8_t{0};
      mean[k] = pick(a.mean, c), deviation[k] = pick(a.std, c);
      if (++c == images.channels) c = 0, ++x;
      if (x == images.width) x = 0, ++y;
    }
    float values[kWidth];
#pragma unroll
    for (int k = 0; k < kWidth; ++k) values[k] = known ? (float(bytes[k]) / 255.0f - mean[k]) / deviation[k] : kNaN;
    store(out + first, values);
  }
}

}  // namespace

void augment(Stream stream, View images, View samples, const Augmentation& a, uint64_t seed, uint32_t epoch, View out) {
  const int64_t height = images.dims[1], width = images.dims[2], channels = images.dims[3];
  const int64_t numbers = height * width * channels;
  CHECK(images.dtype == DType::u8 && samples.dtype == DType::i32, "images are u8, samples i32");
  CHECK(channels >= 1 && channels <= 4, "images have {} channels, 1 to 4 are possible", channels);
  CHECK(out.dims[0] == samples.numel() && out.dims[1] == height && out.dims[2] == width && out.dims[3] == channels,
        "the output does not have the shape of {} images", samples.numel());
  CHECK(numbers < (int64_t{1} << 30), "an image of {} numbers", numbers);
  CHECK(a.padding >= 0, "padding is {}", a.padding);
  dispatch_columns(out.dtype, numbers, {out.data}, [&]<class T, int kWidth>() {
    const int64_t parts = ceil_div(numbers, 4 * kBlock * kWidth);  // four iterations per block
    const Images all{images.as<uint8_t>(), images.dims[0], int(height),  int(width), int(channels),
                     Divider(channels),    Divider(width), int(numbers), int(parts)};
    launch(augment_kernel<T, kWidth>, samples.numel() * parts, kBlock, stream, all, samples.as<int32_t>(), a, seed,
           epoch, out.as<T>());
  });
}

}  // namespace skein::cuda
