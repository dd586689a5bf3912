// `skein train` as a function: a run from its configuration to its last checkpoint.
#pragma once

#include <functional>

#include "comm/process_group.h"
#include "data/dataset.h"
#include "train/run/train_call.h"

namespace skein {

DatasetOptions dataset_options(const TrainConfig& config);

// Trains. Collective: one process has all workers, or each of several has one. True when all epochs are done, false
// when the run has been stopped and saved. `stop` is called between steps; the run stops when one rank's returns true.
// BadInput for what the user can mend, RunFailed for a run that cannot go on. Both are thrown on all ranks if
// group.failed_on_all_ranks(), otherwise on this one only, and the other ranks wait for it.
bool train(ProcessGroup& group, const TrainCall& call, const std::function<bool()>& stop);
bool train(const TrainCall& call, const std::function<bool()>& stop);  // in this process alone

}  // namespace skein
