// Common part of the kernels of narrow.h: images cut into patches, and the copy of a patch into shared memory.
// A patch has a halo of one pixel on each side, which the 3x3 kernel needs.
#pragma once

#include <algorithm>

#include "kernels/cuda/conv/narrow.h"
#include "kernels/cuda/dialect/gpu.h"

namespace skein::cuda {

constexpr int kTaps = 9;
// Pixels of a patch: 128, as 8 rows of 16 of one image, or 8 rows of 8 of each of two images.
constexpr int kPixels = kBlock / kWarp * 16, kHigh = kPixels / 16;
constexpr int kHaloPixels = 2 * (kHigh + 2) * (8 + 2);  // pixels of a patch with its halo, at most
constexpr int64_t kBlocksPerSm = 4;                     // blocks of the grid per SM

// Elements of a padded row of shared memory, for 16 or 32 channels.
template <int kChannels>
constexpr int kPitch = kChannels + 8;

// Division of n images (h,w) into patches.
struct Patches {
  int n, h, w;
  int wide, wide_shift, images;  // width of a patch, its logarithm, images of a patch: 16, 4, 1 or 8, 3, 2
  int pitch, pitch_factor;       // width with the halo; i / pitch = i * pitch_factor >> 12 for every halo pixel i
  int across, down, count;       // patches across and down an image, patches in all

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

// Pixel index in memory of pixel i of a patch; -1 outside the images.
__device__ inline int pixel_of(const Patches& p, const Patch& patch, int i) {
  const int row = i >> p.wide_shift;
  const int image = patch.image + row / kHigh, y = patch.top + row % kHigh, x = patch.left + (i & (p.wide - 1));
  return image < p.n && y < p.h && x < p.w ? (image * p.h + y) * p.w + x : -1;
}
// Halo-pixel index of the upper left neighbour of pixel i of a patch.
__device__ inline int corner_of(const Patches& p, int i) {
  const int row = i >> p.wide_shift;
  return (row + row / kHigh * 2) * p.pitch + (i & (p.wide - 1));
}
// Pixel index in memory of halo pixel i of a patch; -1 outside the images.
__device__ inline int pixel_of_halo(const Patches& p, const Patch& patch, int i) {
  const int row = i * p.pitch_factor >> 12, down = row / (kHigh + 2);
  const int image = patch.image + down, y = patch.top + row - down * (kHigh + 2) - 1,
            x = patch.left + i - row * p.pitch - 1;
  const bool inside = down < p.images && image < p.n && y >= 0 && y < p.h && x >= 0 && x < p.w;
  return inside ? (image * p.h + y) * p.w + x : -1;
}

// A tile in the registers of kThreads threads, on its way from global to shared memory: kRows rows of kChannels
// channels. The next tile is fetched while the tensor cores work on the current one.
template <int kRows, int kChannels, int kWidth, int kThreads>
struct RegisterTile {
  static constexpr int kParts = kChannels / kWidth, kSteps = (kRows * kParts + kThreads - 1) / kThreads;
  Pack<Bf16, kWidth> numbers[kSteps];

  // Loads from + offset(row) + channel; zero where the offset is negative, and from channel `left` on.
  template <class Offset>
  __device__ void fetch(const Bf16* from, int left, Offset&& offset) {
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
      const int i = int(threadIdx.x) + step * kThreads, channel = i % kParts * kWidth;
      const int at = i < kRows * kParts && channel < left ? offset(i / kParts) : -1;
      numbers[step] = {};
      if (at >= 0) numbers[step] = load<kWidth>(from + at + channel);
    }
  }
  // Stores the tile in shared memory, in rows of kPitch<kChannels>.
  __device__ void put(Bf16* to) const {
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
      const int i = int(threadIdx.x) + step * kThreads;
      if (i >= kRows * kParts) continue;
      const uint32_t* w = numbers[step].words;
      Bf16* const at = to + i / kParts * kPitch<kChannels> + i % kParts * kWidth;
      if constexpr (kWidth == 8)  // not store(), which is for global memory
        *reinterpret_cast<uint4*>(at) = {w[0], w[1], w[2], w[3]};
      else
        *reinterpret_cast<uint2*>(at) = {w[0], w[1]};
    }
  }
};

struct Channels {
  int in, out;  // of this pass
  int chunks;   // blocks that share a patch; each handles some of the channels
};

// dw (out,3,3,in) f32 from x and dy, bf16.
void conv_narrow_weights(Stream, const Patches&, int in, int out, const Bf16* x, const Bf16* dy, float* dw);

// Calls body.operator()<kA, kB>() with channels per block of 16 or 32; more channels take several blocks or iterations.
template <class F>
void dispatch_channels(int a, int b, F&& body) {
  if (a <= 16)
    b <= 16 ? body.template operator()<16, 16>() : body.template operator()<16, 32>();
  else
    b <= 16 ? body.template operator()<32, 16>() : body.template operator()<32, 32>();
}

}  // namespace skein::cuda
