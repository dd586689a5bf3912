// From stored images to a batch: out[b,y,x,c] = (pixel/255 - mean[c]) / std[c], in that order of f32 operations.
//   evaluation   pixel = images[samples[b], y, x, c]
//   training     as torchvision: flip left-right with p = 1/2, pad p zero pixels around, crop H x W at (dy, dx):
//                pixel = flipped[y + dy - p, x + dx - p, c], 0 outside the image (0 before normalisation, not after)
// Draws are words of random_words(seed, Purpose::augment, epoch, sample, 0): flip = top bit of word 0, dy and dx =
// bounded(word 1 and 2, 2p + 1). They depend on the sample, not on its place in the batch, the worker or the thread.
// images u8 (N,H,W,C), C <= 4; samples i32 (B), rows of images; out (B,H,W,C), f32 to the same bits on both back ends,
// or bf16 on CUDA. There an image whose sample is not in [0, N) is NaN, as a kernel cannot refuse it.
#pragma once

#include "kernels/view.h"

namespace skein {

struct Augmentation {
  bool training = false;
  int32_t padding = 4;
  float mean[4] = {0, 0, 0, 0};
  float std[4] = {1, 1, 1, 1};
};

using Augment = void(Stream, View images, View samples, const Augmentation&, uint64_t seed, uint32_t epoch, View out);

namespace cpu {
Augment augment;  // on the calling thread alone: it runs beside the compute threads
}
namespace cuda {
Augment augment;
}

}  // namespace skein
