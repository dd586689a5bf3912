// mixup and CutMix: each image of a training batch is mixed with its partner (kernels/mix.h), and its loss is
//
//   share * loss(its own label) + (1 - share) * loss(the partner's label)                  kernels/cross_entropy.h
//
//   mixup   Zhang et al. 2017, "mixup: Beyond Empirical Risk Minimization", arXiv 1710.09412, equation 1:
//           lambda ~ Beta(alpha, alpha), one draw per batch; share = lambda
//   CutMix  Yun et al. 2019, "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features",
//           arXiv 1905.04899, section 3.1 and algorithm A1: lambda ~ Beta(alpha, alpha); a box of
//           floor(H sqrt(1 - lambda)) x floor(W sqrt(1 - lambda)) pixels around a pixel drawn uniformly, the part of it
//           within the image, is taken from the partner; share = 1 - (area of that part) / (H W)
//
// With both, each batch has one of them with probability 1/2; with probability 1 - p a batch is not mixed (share = 1).
// Pairing, box and share are those of timm.data.Mixup in "batch" mode.
//
// The training accuracy counts the label with the greater share.
//
// Random words: random_words(seed, Purpose::mix, epoch, step, rank * 2^16 + index). Index 0: whether, which one, and
// the centre's y and x; from index 1 on Beta's. So a batch depends on no thread, no transport and no other worker.
#pragma once

#include <functional>

#include "base/random.h"
#include "data/loading/loader.h"
#include "kernels/mix.h"

namespace skein {

struct MixDraw {
  PixelMix pixels;
  double share = 1;  // of an image's own label
};

MixDraw draw_mix(const LoaderOptions& options, int64_t height, int64_t width, int64_t epoch, int64_t step);

// CutMix around the pixel (y, x).
MixDraw cutmix(double lambda, int64_t y, int64_t x, int64_t height, int64_t width);

// A number of Beta(alpha, alpha), alpha > 0: x / (x + y) of two draws of Gamma(alpha) (data/loading/gamma_draw.h).
// words(i) gives the i-th block of random words, i = 1, 2 ...
double draw_beta(double alpha, const std::function<RandomWords(uint32_t)>& words);

// Second labels and weights of the batches in one slot of a loader.
struct MixMemory {
  Tensor second_labels, label_weights;
};

class BatchMixer {
 public:
  // `batch`: number of images in a full batch. Does nothing if the options ask for no mixing.
  BatchMixer(const LoaderOptions& options, Device device, int64_t batch);

  bool on() const { return reversed_.defined(); }
  MixMemory memory() const;  // undefined tensors if not on()
  // Mixes images and labels of a complete batch, and sets its second_labels and label_weights, which lie in `memory`.
  void mix(const Queue& queue, const MixMemory& memory, Batch& batch) const;

 private:
  LoaderOptions options_;
  Tensor reversed_;  // i32: batch - 1 .. 0
};

}  // namespace skein
