// Erasing of a part of every image (random erasing, arXiv 1708.04896; cutout, arXiv 1708.04552):
//
//   images[b, y, x, c] = 0 for (y, x) in boxes[b]
//
// Images are normalised already, so 0 is the mean of a channel. boxes i32 (N,4) as in kernels/box.h, within the image;
// images (N,H,W,C) f32 or bf16. An empty box leaves its image as it is. The CPU kernel runs on the calling
// thread alone: loaders call it beside the compute threads. On CUDA a box outside the image is an error of the caller.
// Bytes: the boxes and, as a bound, every element once.
#pragma once

#include "kernels/box.h"
#include "kernels/kernel.h"

namespace skein {

using Erase = void(Stream, View boxes, View images);

SKEIN_KERNEL(erase, Erase, each_once);

}  // namespace skein
