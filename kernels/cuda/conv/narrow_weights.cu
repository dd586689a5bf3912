// Narrow convolution, weight gradient:
//
//   dw[o,r,s,i] = sum over n, h, w of dy[n,h,w,o] * x[n, h+r-1, w+s-1, i]
//
// The patches are divided into slices. A block sums over the patches of its slice, with one warp for each of the nine
// taps (r, s); slice_sums_kernel adds the slices' sums in order. Bytes per pixel: in * 2 * 1.4 (halo) + out * 2; bytes
// per slice: 36 * in * out, written and read.
#include "kernels/cuda/conv/narrow_patches.h"
#include "kernels/cuda/dialect/columns.h"
#include "kernels/cuda/dialect/mma.h"
#include "kernels/cuda/dialect/workspace_lock.h"
#include "kernels/device/runtime.h"

namespace skein::cuda {
namespace {

constexpr int64_t kSliceBytes = 5 << 20;               // bytes of all slices' sums, about
constexpr int kTapsAtOnce = kBlock < 256 ? 3 : kTaps;  // taps per block; smaller blocks under ThreadSanitizer
constexpr int kGradientBlock = kTapsAtOnce * kWarp;

// slices (count, out, 9, in): one sum per slice.
template <int kIn, int kOut, int kWidth>
__global__ void __launch_bounds__(kGradientBlock)
    narrow_gradient_kernel(const Bf16* x, const Bf16* dy, float* slices, Patches p, Channels c, int count) {
  SHARED(uint4, x_words, [kHaloPixels * kPitch<kIn> / 8]);
  SHARED(uint4, dy_words, [kPixels * kPitch<kOut> / 8]);
  Bf16 *const x_tile = reinterpret_cast<Bf16*>(x_words), *const dy_tile = reinterpret_cast<Bf16*>(dy_words);
  const int slice = int(blockIdx.x) / c.chunks, part = int(blockIdx.x) - slice * c.chunks;
  const int first_tap = part % (kTaps / kTapsAtOnce) * kTapsAtOnce, chunk = part / (kTaps / kTapsAtOnce);
  const int chunks_in = (c.in + kIn - 1) / kIn;
  const int first_out = chunk / chunks_in * kOut, first_in = chunk % chunks_in * kIn;
  const int lane = int(threadIdx.x) % kWarp, tap = first_tap + int(threadIdx.x) / kWarp;
  const int row = lane % 8, low = lane / 8 % 2 * 8, high = lane / 16 * 8;
  const Bf16* const dy_frag = dy_tile + (row + high) * kPitch<kOut> + low;
  const int shift = tap / 3 * p.pitch + tap % 3;
  RegisterTile<kHaloPixels, kIn, kWidth, kGradientBlock> next_x;
  RegisterTile<kPixels, kOut, kWidth, kGradientBlock> next_dy;
  const auto fetch = [&](int index) {
    const Patch patch = patch_at(p, index);
    next_x.fetch(x + first_in, c.in - first_in, [&](int i) {
      const int pixel = pixel_of_halo(p, patch, i);
      return pixel < 0 ? -1 : pixel * c.in;
    });
    next_dy.fetch(dy + first_out, c.out - first_out, [&](int i) {
      const int pixel = pixel_of(p, patch, i);
      return pixel < 0 ? -1 : pixel * c.out;
    });
  };
  float sums[kOut / 16][kIn / 8][4] = {};
  fetch(slice);
  for (int index = slice; index < p.count; index += count) {
    next_x.put(x_tile);
    next_dy.put(dy_tile);
    __syncthreads();
    if (index + count < p.count) fetch(index + count);
#pragma unroll 1
    for (int pixel = 0; pixel < kPixels; pixel += 16) {
      const Bf16* const x_frag = x_tile + (corner_of(p, pixel + row + low) + shift) * kPitch<kIn> + high;
      uint32_t a[kOut / 16][4];
#pragma unroll
      for (int o = 0; o < kOut; o += 16) load_matrices<true>(a[o / 16], dy_frag + pixel * kPitch<kOut> + o);
#pragma unroll
      for (int i = 0; i < kIn; i += 16) {
        uint32_t b[4];
        load_matrices<true>(b, x_frag + i);
#pragma unroll
        for (int o = 0; o < kOut; o += 16) {
          multiply_add(sums[o / 16][i / 8], a[o / 16], b[0], b[1]);
          multiply_add(sums[o / 16][i / 8 + 1], a[o / 16], b[2], b[3]);
        }
      }
    }
    __syncthreads();  // all warps have read shared memory
  }
#pragma unroll
  for (int o = 0; o < kOut; o += 8) {
    const int to = first_out + o + lane / 4;
#pragma unroll
    for (int i = 0; i < kIn; i += 8) {
      const int from = first_in + i + lane % 4 * 2;
      const float(&four)[4] = sums[o / 16][i / 8];
      const float two[2] = {four[o % 16 / 4], four[o % 16 / 4 + 1]};
      if (to < c.out && from < c.in) store(slices + ((int64_t{slice} * c.out + to) * kTaps + tap) * c.in + from, two);
    }
  }
}

constexpr int kSumWidth = 16, kSumHeight = kBlock / kSumWidth;

// Sums the slices: a thread handles four elements of every kSumHeight-th slice; then the threads of a column are added.
__global__ void __launch_bounds__(kBlock)
    slice_sums_kernel(const float* slices, int count, int64_t numbers, float* to) {
  const int row = int(threadIdx.x) / kSumWidth;
  const int64_t at = (int64_t{blockIdx.x} * kSumWidth + int(threadIdx.x) % kSumWidth) * 4;
  float sums[4] = {};
  if (at < numbers) {
#pragma unroll 4
    for (int slice = row; slice < count; slice += kSumHeight) {
      const Pack<float, 4> four = load<4>(slices + slice * numbers + at);
#pragma unroll
      for (int k = 0; k < 4; ++k) sums[k] += four[k];
    }
  }
  sum_rows(sums, row, kSumWidth, kSumHeight);
  if (row == 0 && at < numbers) store(to + at, sums);
}

}  // namespace

void conv_narrow_weights(Stream stream, const Patches& p, int in, int out, const Bf16* x, const Bf16* dy, float* dw) {
  const int64_t numbers = int64_t{out} * kTaps * in;
  dispatch_channels(in, out, [&]<int kIn, int kOut>() {
    const Channels c{in, out, int(ceil_div(in, kIn) * ceil_div(out, kOut)) * (kTaps / kTapsAtOnce)};
    const int64_t most =
        std::min(ceil_div(kBlocksPerSm * multiprocessors(), c.chunks), kSliceBytes / (numbers * 4) + 1);
    const int64_t count = ceil_div(p.count, ceil_div(p.count, most));
    const auto held = hold_workspace(stream);
    float* const slices = static_cast<float*>(workspace(stream, size_t(count * numbers) * sizeof(float)));
    const bool wide = in % 8 == 0 && out % 8 == 0;
    const auto kernel = wide ? narrow_gradient_kernel<kIn, kOut, 8> : narrow_gradient_kernel<kIn, kOut, 4>;
    launch(kernel, count * c.chunks, kGradientBlock, stream, x, dy, slices, p, c, int(count));
    launch(slice_sums_kernel, ceil_div(numbers, kSumWidth * 4), kBlock, stream, slices, int(count), numbers, dw);
  });
}

}  // namespace skein::cuda
