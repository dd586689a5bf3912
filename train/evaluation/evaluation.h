// The score of a model on a whole set. Every image has the same weight, also those of a short last batch.
#pragma once

#include <functional>

#include "data/loading/loader.h"
#include "engine/tape.h"
#include "models/model.h"

namespace skein {

struct Score {
  double loss = 0;            // mean over the images
  double top1 = 0, top5 = 0;  // accuracy in percent
};

LoaderOptions evaluation_options(int64_t batch);

// Evaluates one pass of a loader that has evaluation_options(). Batch norms use their running statistics, and no
// gradient is recorded. The tape must be between two steps.
// on_batch gets every batch with its logits (size,1,1,classes), which are valid during the call.
using OnBatch = std::function<void(const Batch& batch, const Tensor& logits)>;
Score evaluate(const Model& model, Loader& batches, Tape& tape, const OnBatch& on_batch = {});

}  // namespace skein
