// Predictions of an evaluation, image by image, and their score class by class.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/loading/loader.h"

namespace skein {

// softmax(logits) in double: p[c] = exp(l[c] - max l) / sum. Every caller gets the same bits for the same logits.
std::vector<double> probabilities(std::span<const float> logits);

// The `count` best classes, the most probable first, or all if there are fewer. Of equal logits the smaller number is
// first, as in kernels/cross_entropy.h. Empty if a logit is NaN.
std::vector<int64_t> rank_classes(std::span<const float> logits, int64_t count);

// The most probable class of an image, -1 if the network's output is not a number.
struct Prediction {
  int64_t truth = 0, predicted = -1;
  double probability = 0;
};

// In stored order of the test set: the loaders of an evaluation do not permute it.
struct Predictions {
  std::vector<Prediction> all;

  // logits: (batch.size,1,1,classes), f32, of the batch. Waits for them.
  void add(const Batch& batch, const Tensor& logits, Queue queue);
};

struct ClassScore {
  int64_t images = 0, correct = 0;
  double top1() const { return 100.0 * double(correct) / double(images); }  // percent; NaN without images
};

std::vector<ClassScore> score_classes(std::span<const Prediction> predictions, size_t classes);

// The wrong predictions that the network was surest of, the surest first, `most` at most: their indices.
std::vector<int64_t> worst_predictions(std::span<const Prediction> predictions, size_t most);

}  // namespace skein
