// The part of a training image that is erased.
//
//   random erasing  Zhong et al. 2017, "Random Erasing Data Augmentation", arXiv 1708.04896, algorithm 1, with
//                   torchvision.transforms.RandomErasing's draws: with probability p, up to ten tries of an area
//                   a in [0.02, 0.33] of the image's and a ratio r = exp(u), u in [log 0.3, log 3.3];
//                   h = round(sqrt(area a r)), w = round(sqrt(area a / r)); the first try with h < H and w < W counts,
//                   at a place drawn uniformly. After ten tries nothing is erased.
//   cutout          DeVries and Taylor 2017, "Improved Regularization of Convolutional Neural Networks with Cutout",
//                   arXiv 1708.04552, section 3, as in their code: a square of n x n pixels (n even) around a pixel
//                   drawn uniformly, the part of it that is within the image. Every image has one.
//
// Random words: random_words(seed, Purpose::erase, epoch, sample, index). Index 0: words for the probability, and the
// centre's y and x of cutout. Index t = 1 .. 10: words for area, ratio, top and left of try t. They depend on the
// sample, not on worker or thread.
#pragma once

#include <span>
#include <vector>

#include "kernels/box.h"

namespace skein {

// One of the two, or neither.
struct EraseOptions {
  double probability = 0;  // of random erasing
  int64_t cutout = 0;      // side of the square in pixels
  bool any() const { return probability > 0 || cutout > 0; }
};

Box draw_erased(const EraseOptions& options, int64_t height, int64_t width, uint64_t seed, int64_t epoch,
                int64_t sample);
// The same of several samples.
void draw_erased(const EraseOptions& options, int64_t height, int64_t width, uint64_t seed, int64_t epoch,
                 std::span<const int32_t> samples, std::vector<Box>& boxes);

}  // namespace skein
