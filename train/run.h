// skein train as a function: a run from its configuration to its last checkpoint.
#pragma once

#include <functional>
#include <string>

#include "train/checkpoint.h"
#include "train/config.h"

namespace skein {

struct TrainCall {
  TrainConfig config = {};
  std::string out = {};     // of a new run; empty: runs/<date>-<model>-<data>
  std::string resume = {};  // the run folder to go on in, instead
  int64_t limit_steps = 0;  // of this call; 0: none
  // When resuming, these two are the checkpoint's, so that the numbers are too, unless the caller wants others.
  bool new_threads = false, new_conv = false;
  bool from_consensus = false;  // with resume: the workers, of another number perhaps, start again from their average
};

DatasetOptions dataset_options(const TrainConfig& config);

// Collective: one process has all workers, or each of several has one. True when all epochs are done, false when the
// run was stopped and has saved itself. `stop` is asked between steps; one process that wants to is enough.
bool train(ProcessGroup& group, const TrainCall& call, const std::function<bool()>& stop);
bool train(const TrainCall& call, const std::function<bool()>& stop);  // in this process alone

}  // namespace skein
