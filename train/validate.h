// Checks of a configuration that need no data. They run on every process before data or a run folder is opened, so a
// wrong setting fails at once. Checks that need the data stay beside it: steps per epoch (train/worker.cpp), averaged
// gradients against the table of synchronisations (train/trainer.cpp), resuming with other data (train/run/resume.cpp).
#pragma once

#include "data/dataset.h"
#include "train/config/config.h"

namespace skein {

// BadInput names the flag, its value and the fix: permitted values, expressions that cannot be parsed, settings that
// exclude each other, devices and kernels that this build or machine lacks, `processes` that do not fit the workers.
void validate(const TrainConfig& config, int64_t processes);

// Checks of flags of augmentation that need the training data. BadInput as above.
void check_against(const TrainConfig& config, const Dataset& train);

// BadInput for a setting that would change nothing with this network and this data: a dropout rate where there is no
// dropout, a crop of images that have their size. For new runs.
void refuse_idle_settings(const TrainConfig& config, const Dataset& train);

}  // namespace skein
