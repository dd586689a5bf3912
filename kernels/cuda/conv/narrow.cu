// Narrow convolution: forward, and the data gradient as a forward pass over dy with flipped weights (taps reversed,
// input and output channels exchanged):
//
//   out[n,h,w,o] = sum over r, s, i of in[n, h+r-1, w+s-1, i] * w[o,r,s,i]
//
// A block computes patches of 128 pixels (16x8 of an image or 8x8 of two) times kOut channels; a warp computes 16
// pixels. The patch with its halo and the weights are in shared memory, kIn channels at a time. Their rows are padded
// so that the eight rows of a matrix fall into different banks. Bytes per pixel: in * 2 * 1.4 (halo) + out * 2.
#include "kernels/cuda/conv/narrow_patches.h"
#include "kernels/cuda/dialect/mma.h"

namespace skein::cuda {
namespace {

// Copies weights (output, 3, 3, input) to shared memory as [tap][output][input]. Flipped: weights (input, 3, 3, output)
// to [tap][input][output], with the taps in reverse order.
template <int kIn, int kOut, int kWidth, bool kFlipped>
__device__ void load_weights(const Bf16* w, const Channels& c, int first_in, int first_out, Bf16* to) {
  constexpr int kAcross = kFlipped ? kOut : kIn, kDown = kFlipped ? kIn : kOut;
  const int across = kFlipped ? c.out : c.in, down = kFlipped ? c.in : c.out;
  const int left = kFlipped ? first_out : first_in, top = kFlipped ? first_in : first_out;
#pragma unroll 1
  for (int taps = 0; taps < kTaps; taps += 3) {  // all nine at once would take too many registers
    RegisterTile<3 * kDown, kAcross, kWidth, kBlock> tile;
    tile.fetch(w + left, across - left, [&](int row) {
      const int tap = taps + row / kDown, y = top + row % kDown;
      return y < down ? (y * kTaps + (kFlipped ? kTaps - 1 - tap : tap)) * across : -1;
    });
    tile.put(to + taps * kDown * kPitch<kAcross>);
  }
}

// Stores a warp's 16 pixels of a patch, from pixel `first` on, in the layout of mma.h.
template <int kOut>
__device__ void store_pixels(const float (&sums)[kOut / 8][4], const Patches& p, const Patch& patch, int first,
                             int first_out, const Channels& c, Bf16* out) {
  const int lane = int(threadIdx.x) % kWarp;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int pixel = pixel_of(p, patch, first + lane / 4 + 8 * half);
#pragma unroll
    for (int o = 0; o < kOut; o += 8) {
      const int channel = first_out + o + lane % 4 * 2;
      const float two[2] = {sums[o / 8][2 * half], sums[o / 8][2 * half + 1]};
      if (pixel >= 0 && channel < c.out) store(out + pixel * c.out + channel, two);
    }
  }
}

// Blocks per SM: as many as fit without register spills.
template <int kIn, int kOut, int kWidth>
[[maybe_unused]] constexpr int kMinBlocksPerSm = kWidth == 8 && kIn + kOut == 32 ? 4 : 2;

template <int kIn, int kOut, int kWidth, bool kFlipped>
__global__ void __launch_bounds__(kBlock, (kMinBlocksPerSm<kIn, kOut, kWidth>))
    narrow_conv_kernel(const Bf16* in, const Bf16* w, Bf16* out, Patches p, Channels c) {
  constexpr int kAcross = kFlipped ? kOut : kIn, kDown = kFlipped ? kIn : kOut;  // weights in shared memory
  SHARED(uint4, tile_words, [kHaloPixels * kPitch<kIn> / 8]);
  SHARED(uint4, weight_words, [kTaps * kDown * kPitch<kAcross> / 8]);
  Bf16 *const tile = reinterpret_cast<Bf16*>(tile_words), *const weights = reinterpret_cast<Bf16*>(weight_words);
  const int lane = int(threadIdx.x) % kWarp, warp = int(threadIdx.x) / kWarp;
  const int low = lane / 8 % 2 * 8, high = lane / 16 * 8;
  // Addresses of this lane's matrix rows for load_matrices().
  const Bf16* const a_frag = tile + corner_of(p, warp * 16 + lane % 16) * kPitch<kIn> + high;
  const Bf16* const w_frag = weights + (kFlipped ? (lane % 8 + low) * kPitch<kOut> + high  //
                                                 : (lane % 8 + high) * kPitch<kIn> + low);
  const int first_out = int(blockIdx.x) % c.chunks * kOut, blocks = int(gridDim.x) / c.chunks;
  RegisterTile<kHaloPixels, kIn, kWidth, kBlock> next;
  const auto fetch = [&](int index, int first_in) {
    const Patch patch = patch_at(p, index);
    next.fetch(in + first_in, c.in - first_in, [&](int i) {
      const int pixel = pixel_of_halo(p, patch, i);
      return pixel < 0 ? -1 : pixel * c.in;
    });
  };
  int index = int(blockIdx.x) / c.chunks;
  fetch(index, 0);
  if (c.in <= kIn) load_weights<kIn, kOut, kWidth, kFlipped>(w, c, 0, first_out, weights);
  for (; index < p.count; index += blocks) {
    float sums[kOut / 8][4] = {};
    for (int first_in = 0; first_in < c.in; first_in += kIn) {
      next.put(tile);
      if (c.in > kIn) load_weights<kIn, kOut, kWidth, kFlipped>(w, c, first_in, first_out, weights);
      __syncthreads();
      const bool more = first_in + kIn < c.in;
      if (more || index + blocks < p.count) fetch(more ? index : index + blocks, more ? first_in + kIn : 0);
#pragma unroll 3
      for (int tap = 0; tap < kTaps; ++tap) {
#pragma unroll
        for (int k = 0; k < kIn; k += 16) {
          uint32_t a[4];
          load_matrices<false>(a, a_frag + (tap / 3 * p.pitch + tap % 3) * kPitch<kIn> + k);
#pragma unroll
          for (int o = 0; o < kOut; o += 16) {
            uint32_t b[4];
            load_matrices<kFlipped>(b, w_frag + (kFlipped ? (tap * kIn + k) * kPitch<kOut> + o  //
                                                          : (tap * kOut + o) * kPitch<kIn> + k));
            multiply_add(sums[o / 8], a, b[0], b[1]);
            multiply_add(sums[o / 8 + 1], a, b[2], b[3]);
          }
        }
      }
      __syncthreads();  // all warps have read shared memory
    }
    store_pixels<kOut>(sums, p, patch_at(p, index), warp * 16, first_out, c, out);
  }
}

template <bool kFlipped>
void convolve(Stream stream, const Patches& p, int in, int out, const Bf16* from, const Bf16* w, Bf16* to) {
  dispatch_channels(in, out, [&]<int kIn, int kOut>() {
    const Channels c{in, out, int(ceil_div(out, kOut))};
    const bool wide = in % 8 == 0 && out % 8 == 0;
    const auto kernel = wide ? narrow_conv_kernel<kIn, kOut, 8, kFlipped> : narrow_conv_kernel<kIn, kOut, 4, kFlipped>;
    const int64_t most = ceil_div(kBlocksPerSm * multiprocessors(), c.chunks);
    const int64_t blocks = ceil_div(p.count, ceil_div(p.count, most));  // all with about the same number of patches
    launch(kernel, blocks * c.chunks, kBlock, stream, from, w, to, p, c);
  });
}

}  // namespace

bool conv_narrow_suits(const ConvProblem& p, int compute_major) {
  return compute_major >= 8 && p.dtype == DType::bf16 && p.kernel == 3 && p.stride == 1 && p.padding == 1 &&
         p.c % 4 == 0 && p.out % 4 == 0 && std::min(p.c, p.out) <= 64 && p.n * p.h * p.w > 0 &&
         p.n * p.h * p.w * std::max(p.c, p.out) < int64_t{1} << 31;
}

void conv_narrow(Stream stream, const ConvProblem& p, View x, View w, View y) {
  CHECK(conv_narrow_suits(p, 8), "{} is not for these kernels", name_of(p).c_str());
  CHECK(is_aligned(x.data, 16) && is_aligned(w.data, 16) && is_aligned(y.data, 16), "operands that are not aligned");
  const Patches patches(p.n, p.h, p.w);
  const int c = int(p.c), out = int(p.out);
  if (p.pass == ConvPass::forward)
    convolve<false>(stream, patches, c, out, x.as<Bf16>(), w.as<Bf16>(), y.as<Bf16>());
  else if (p.pass == ConvPass::backward_data)
    convolve<true>(stream, patches, out, c, y.as<Bf16>(), w.as<Bf16>(), x.as<Bf16>());
  else
    conv_narrow_weights(stream, patches, c, out, x.as<Bf16>(), y.as<Bf16>(), w.as<float>());
}

}  // namespace skein::cuda
