// What the kernels of conv_narrow.h share: images cut into patches, and patches on their way into shared memory.
#pragma once

#include <algorithm>

#include "kernels/cuda/conv_narrow.h"
#include "kernels/cuda/gpu.h"

namespace skein::cuda {

constexpr int kTaps = 9;
constexpr int kPixels = kBlock / kWarp * 16,
              kHigh = kPixels / 16;                 // of a patch: 128 in eight rows of 16, or twice of 8
constexpr int kPlaces = 2 * (kHigh + 2) * (8 + 2);  // of a patch with its border, at most
constexpr int64_t kBlocksEach = 4;                  // of a multiprocessor

// Numbers of a padded row of shared memory, for 16 or 32 channels.
template <int kChannels>
constexpr int kPitch = kChannels + 8;

// How an image is cut into patches.
struct Patches {
  int n, h, w;
  int wide, wide_shift, images;  // of a patch: 16 and 1, or 8 and 2
  int pitch, pitch_factor;       // of a patch with its border; place / pitch = place * factor >> 12 for every place
  int across, down, count;

  Patches(int64_t n_, int64_t h_, int64_t w_) : n(int(n_)), h(int(h_)), w(int(w_)) {
    const bool narrow = ceil_div(w_, 8) * 8 < ceil_div(w_, 16) * 16;
    wide = narrow ? 8 : 16, wide_shift = narrow ? 3 : 4, images = narrow ? 2 : 1;
    pitch = wide + 2, pitch_factor = (1 << 12) / pitch + 1;
    across = int(ceil_div(w, wide)), down = int(ceil_div(h, kHigh));
    count = int(ceil_div(n, images)) * across * down;
  }
};

struct Patch {
  int image, top, left;
};
__device__ inline Patch patch_at(const Patches& p, int index) {
  const int row = index / p.across;
  return {row / p.down * p.images, row % p.down * kHigh, (index - row * p.across) * p.wide};
}

// Of a pixel of a patch: its place in memory, in pixels, or -1 outside of the images; and the place of its
// upper left neighbour within the border.
__device__ inline int pixel_of(const Patches& p, const Patch& at, int pixel) {
  const int row = pixel >> p.wide_shift;
  const int image = at.image + row / kHigh, y = at.top + row % kHigh, x = at.left + (pixel & (p.wide - 1));
  return image < p.n && y < p.h && x < p.w ? (image * p.h + y) * p.w + x : -1;
}
__device__ inline int corner_of(const Patches& p, int pixel) {
  const int row = pixel >> p.wide_shift;
  return (row + row / kHigh * 2) * p.pitch + (pixel & (p.wide - 1));
}
// Of a place within the border, as pixel_of.
__device__ inline int pixel_at(const Patches& p, const Patch& at, int place) {
  const int row = place * p.pitch_factor >> 12, down = row / (kHigh + 2);
  const int image = at.image + down, y = at.top + row - down * (kHigh + 2) - 1, x = at.left + place - row * p.pitch - 1;
  const bool inside = down < p.images && image < p.n && y >= 0 && y < p.h && x >= 0 && x < p.w;
  return inside ? (image * p.h + y) * p.w + x : -1;
}

// On its way from memory to shared memory: kThreads threads hold kChannels channels of kPlaces places, so that what
// comes next is loaded while the tensor cores work.
template <int kPlaces, int kChannels, int kWidth, int kThreads>
struct Held {
  static constexpr int kParts = kChannels / kWidth, kSteps = (kPlaces * kParts + kThreads - 1) / kThreads;
  Pack<Bf16, kWidth> numbers[kSteps];

  // from + offset(place) + channel, or zero where the offset is negative and from channel `left` on.
  template <class Offset>
  __device__ void fetch(const Bf16* from, int left, Offset&& offset) {
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
      const int i = int(threadIdx.x) + step * kThreads, channel = i % kParts * kWidth;
      const int at = i < kPlaces * kParts && channel < left ? offset(i / kParts) : -1;
      numbers[step] = {};
      if (at >= 0) numbers[step] = load<kWidth>(from + at + channel);
    }
  }
  __device__ void put(Bf16* to) const {
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
      const int i = int(threadIdx.x) + step * kThreads;
      if (i >= kPlaces * kParts) continue;
      const uint32_t* w = numbers[step].words;
      Bf16* const at = to + i / kParts * kPitch<kChannels> + i % kParts * kWidth;
      if constexpr (kWidth == 8)  // store() is for memory of the device
        *reinterpret_cast<uint4*>(at) = {w[0], w[1], w[2], w[3]};
      else
        *reinterpret_cast<uint2*>(at) = {w[0], w[1]};
    }
  }
};

struct Channels {
  int in, out;  // of this pass
  int chunks;   // blocks for the same pixels, for some of the channels each
};

void conv_narrow_weights(Stream, const Patches&, int in, int out, const Bf16* x, const Bf16* dy, float* dw);

// body.operator()<kA, kB>(), 16 or 32 channels each; more are done in several goes.
template <class F>
void dispatch_channels(int a, int b, F&& body) {
  if (a <= 16)
    b <= 16 ? body.template operator()<16, 16>() : body.template operator()<16, 32>();
  else
    b <= 16 ? body.template operator()<32, 16>() : body.template operator()<32, 32>();
}

}  // namespace skein::cuda
