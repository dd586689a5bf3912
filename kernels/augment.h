// Batches from stored images: out[b,y,x,c] = (pixel/255 - mean[c]) / std[c], in that order of f32 operations.
//   evaluation   pixel = images[samples[b], y, x, c]
//   training     as torchvision: flip left-right, pad p zero pixels around, crop H x W at (dy, dx):
//                pixel = flipped[y + dy - p, x + dx - p, c], 0 outside the image (0 before normalisation, not after)
// dy and dx = bounded(word 1 and 2 of random_words(seed, Purpose::augment, epoch, sample, 0), 2p + 1). Draws depend on
// the sample, not on its place in the batch, the worker or the thread.
//
// images (N,H,W,C) u8 with C <= 4; samples (B) i32, rows of images; out (B,H,W,C), f32 with the same bits on both back
// ends; or bf16; or u8 on the CPU: the pixels, not normalised. On CUDA an image whose sample is outside [0, N) becomes
// NaN, as a GPU kernel cannot throw. The CPU kernel runs on the calling thread alone: loaders call it beside the
// compute threads.
// Bytes: 1 is read and one number written per element of out.
#pragma once

#include "base/enum_names.h"
#include "base/random.h"
#include "kernels/kernel.h"

namespace skein {

// random: every epoch anew with p = 1/2. alternate: with p = 1/2 in epoch 0, the other side in each following epoch, so
// that two epochs show both sides of every image (Jordan, arXiv 2404.00498, section 3.6).
enum class Flip : uint8_t { random, alternate };
constexpr auto names_of(Flip) { return std::array{"random", "alternate"}; }

// Whether a sample is mirrored. The draw is the top bit of word 0 of random_words(seed, Purpose::augment, e, sample, 0)
// with e the epoch, or 0 for alternate.
SKEIN_HD constexpr bool is_flipped(Flip flip, uint64_t seed, uint32_t epoch, uint32_t sample) {
  const bool alternate = flip == Flip::alternate;
  const uint32_t word = random_words(seed, Purpose::augment, alternate ? 0 : epoch, sample, 0)[0];
  return ((word >> 31) ^ (alternate ? epoch & 1 : 0)) != 0;
}

struct Augmentation {
  bool training = false;
  Flip flip = Flip::random;
  int32_t padding = 4;
  float mean[4] = {0, 0, 0, 0};
  float std[4] = {1, 1, 1, 1};
};

using Augment = void(Stream, View images, View samples, const Augmentation&, uint64_t seed, uint32_t epoch, View out);

namespace kernel {
inline Cost augment_cost(View, View, const Augmentation&, uint64_t, uint32_t, View out) {
  return {double(out.numel()) + bytes_of(out)};
}
}  // namespace kernel

SKEIN_KERNEL(augment, Augment, augment_cost);

}  // namespace skein
