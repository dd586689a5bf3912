// The GPUs that the workers of a run sit on. --gpus says which GPUs of every machine it uses; the processes on one
// machine that see the same GPUs share these evenly, and the workers of a process are spread evenly over its own, in
// rank order. Without --gpus a process has one: the current one.
#pragma once

#include "comm/process_group.h"
#include "data/dataset.h"
#include "train/config/config.h"

namespace skein {

// Indices of "all", of a number N of the first, or of a list as in "0,2", where so many are visible. BadInput names
// what is not there, or there twice.
std::vector<int> parse_gpus(const std::string& text, int visible);

// BadInput where --gpus does not fit the device, the machine or the number of workers.
void check_gpus(const TrainConfig& config, int64_t processes);

// Those of this process; none on the CPU. Collective. BadInput, perhaps not on all ranks, where the processes of a
// machine cannot share its GPUs, or the workers of a process its own.
std::vector<int> gpus_of_process(ProcessGroup& group, const TrainConfig& config);

// The dataset with its copies on the current GPU, if it has any: the same, or others where they are on another.
Dataset on_current_gpu(Dataset dataset);

// "NVIDIA H100", or "2 NVIDIA H100, NVIDIA A100".
std::string names_of(const std::vector<int>& gpus);

// Number of workers that compute at the same time on each GPU of a process that has so many.
int64_t lanes_of_gpu(const TrainConfig& config, int64_t processes, int64_t gpus);

}  // namespace skein
