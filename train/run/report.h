// Prints the start and the end of a run to stdout, by rank 0. Lines in between: train/run/progress.h.
#pragma once

#include <string>
#include <vector>

#include "train/run/checkpoint.h"

namespace skein {

class Trainer;
class WorkerPool;

// The GPUs of this process and the workers on each, as a text; empty on the CPU.
std::string placement(WorkerPool& workers);
// places: the placement of every process.
void print_header(const ModelInfo& info, const Splits& data, Trainer& trainer, const std::vector<std::string>& places,
                  bool is_encrypted, const std::string& run_folder);
void print_resume(const Trainer& trainer, const Checkpoint& checkpoint, bool from_consensus);
// With --init only: where the first weights are from, and what was done to them.
void print_init(const TrainConfig& config, const std::vector<std::string>& notes);
void print_end(const Trainer& trainer, const std::string& run_folder, bool done);  // done: not stopped

}  // namespace skein
