// Batches from stored images: out[b,y,x,c] = (pixel/255 - mean[c]) / std[c], in that order of f32 operations.
//   evaluation   pixel = images[samples[b], y, x, c]
//   training     as torchvision: flip left-right with p = 1/2, pad p zero pixels around, crop H x W at (dy, dx):
//                pixel = flipped[y + dy - p, x + dx - p, c], 0 outside the image (0 before normalisation, not after)
// Draws are words of random_words(seed, Purpose::augment, epoch, sample, 0): flip = top bit of word 0, dy and dx =
// bounded(word 1 and 2, 2p + 1). They depend on the sample, not on its place in the batch, the worker or the thread.
//
// images (N,H,W,C) u8 with C <= 4; samples (B) i32, rows of images; out (B,H,W,C), f32 with the same bits on both back
// ends; bf16 on CUDA; or u8 on the CPU: the pixels, not normalised. On CUDA an image whose sample is outside [0, N) becomes NaN, as a GPU kernel cannot throw. The
// CPU kernel runs on the calling thread alone: loaders call it beside the compute threads.
// Bytes: 1 is read and one number written per element of out.
#pragma once

#include "kernels/kernel.h"

namespace skein {

struct Augmentation {
  bool training = false;
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
