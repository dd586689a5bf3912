// Training, with what it leaves in the run folder: logs, checkpoints and progress.
#pragma once

#include <string>

#include "train/run/run_folder.h"
#include "train/trainer.h"

namespace skein {

// Logs and terminal are rank 0's, `logs` is null on the others; all ranks write checkpoints. The files of an epoch are
// written in an order in which a crash between two of them does no harm: the logs may be ahead of checkpoints/last, as
// resuming truncates them, and so may checkpoints/best.
// listener: when to stop, and what to do before a step. path: of the run folder. Collective; returns as Trainer::run().
// RunFailed says which checkpoint is kept.
bool train_in_folder(ProcessGroup& group, Trainer& trainer, const ModelInfo& info, const Dataset& test,
                     const std::string& path, RunFolder* logs, TrainListener listener);

}  // namespace skein
