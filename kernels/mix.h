// Mixing of the images of a batch in pairs, in place. The partner of image b is image N-1-b, as in timm ("batch" mode);
// the image in the middle of an odd batch is its own partner and stays as it is.
//
//   images[b, y, x, c] = own * images[b, y, x, c] + other * images[N-1-b, y, x, c]      for (y, x) in the box
//
//   mixup  (arXiv 1710.09412)   box: the whole image,  own = lambda, other = 1 - lambda
//   CutMix (arXiv 1905.04899)   own = 0, other = 1
//
// images (N,H,W,C) f32 with the same bits on both back ends, or bf16, computed in f32 and rounded once. The
// box must be within the image. The CPU kernel runs on the calling thread alone: loaders call it beside the compute
// threads. Bytes: every element of the box is read and written once.
#pragma once

#include "kernels/box.h"
#include "kernels/kernel.h"

namespace skein {

struct PixelMix {
  Box box;
  float own = 1, other = 0;
};

using MixImages = void(Stream, const PixelMix&, View images);

namespace kernel {
inline Cost mix_images_cost(const PixelMix& mix, View images) {
  return {2.0 * double(mix.box.area() * images.dims[0] * images.dims[3]) * double(size_of(images.dtype))};
}
}  // namespace kernel

SKEIN_KERNEL(mix_images, MixImages, mix_images_cost);

}  // namespace skein
