// The batches that a worker trains on, by the configuration and where the run has got to.
#pragma once

#include "data/loading/loader.h"
#include "train/run_state.h"

namespace skein {

// Steps of an epoch over `images`, the same for every worker. With --accumulate n a step takes n batches.
int64_t steps_per_epoch(const TrainConfig& config, int64_t images);

// Options of the loader of a worker that goes on at `start`. BadInput where `start` and the data have different numbers
// of steps per epoch.
LoaderOptions training_options(const TrainConfig& config, const Dataset& train, const TrainState& start, int64_t rank);

}  // namespace skein
