// The score of a model on a whole set. Every image has the same weight, also those of a short last batch.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "data/loading/loader.h"
#include "engine/tape.h"
#include "models/model.h"

namespace skein {

struct Score {
  double loss = 0;            // mean over the images
  double top1 = 0, top5 = 0;  // accuracy in percent
};

// Of the whole set, or of the batches that are `part` of `parts` (data/loading/sample_order.h).
LoaderOptions evaluation_options(int64_t batch, int64_t parts = 1, int64_t part = 0);

// Sums over the images of a batch. Those of all batches, added in their order, have the same bits whichever process or
// GPU computed a batch.
struct BatchScore {
  double loss = 0;
  int64_t images = 0, top1 = 0, top5 = 0;  // images; for how many the true class was the first, among the first five
};

// Evaluates one pass of a loader that has evaluation_options(). Batch norms use their running statistics, and no
// gradient is recorded. The tape must be between two steps.
// on_batch gets every batch with its logits (size,1,1,classes), which are valid during the call.
using OnBatch = std::function<void(const Batch& batch, const Tensor& logits)>;
std::vector<BatchScore> score_batches(const Model& model, Loader& batches, Tape& tape, const OnBatch& on_batch = {});
Score total(std::span<const BatchScore> batches);  // of at least one image
Score evaluate(const Model& model, Loader& batches, Tape& tape, const OnBatch& on_batch = {});

}  // namespace skein
