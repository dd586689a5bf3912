// skein train as a function: a run from its configuration to its last checkpoint.
#pragma once

#include <functional>
#include <string>

#include "apps/checkpoint.h"
#include "apps/config.h"

namespace skein {

struct TrainCall {
  TrainConfig config = {};
  std::string out = {};     // of a new run; empty: runs/<date>-<model>-<data>
  std::string resume = {};  // the run folder to go on in, instead
  int64_t limit_steps = 0;  // of this call; 0: none
  // When resuming, these two are the checkpoint's, so that the numbers are too, unless the caller wants others.
  bool new_threads = false, new_conv = false;
};

// BadInput for what a configuration may say but this build or machine cannot do.
void check_supported(const TrainConfig& config);

DatasetOptions dataset_options(const TrainConfig& config);

// True when all epochs are done, false when it was stopped and has saved itself. `stop` is asked between steps.
bool train(const TrainCall& call, const std::function<bool()>& stop);

}  // namespace skein
