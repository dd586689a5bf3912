// How well a model does on a whole set: mean loss, and the percentage right at top 1 and top 5. Every image counts
// once, also those of a short last batch.
#pragma once

#include "data/loading/loader.h"
#include "engine/tape.h"
#include "models/model.h"

namespace skein {

struct Score {
  double loss = 0, top1 = 0, top5 = 0;
};

LoaderOptions evaluation_options(int64_t batch);

// One pass of a loader with those options. Running statistics, nothing recorded; the tape must be between two steps.
Score evaluate(const Model& model, Loader& batches, Tape& tape);

}  // namespace skein
