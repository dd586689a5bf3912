// How many threads a worker computes with: the one number beside seed, configuration and convolutions that decides the
// last bits of a run. The OpenMP threads of a process are shared by those of its workers that compute at a time.
#pragma once

#include "comm/process_group.h"
#include "train/config.h"

namespace skein {

// The workers of a process, how many of them compute at a time, and the threads of each.
int64_t workers_of_process(const TrainConfig& config, int64_t processes);
int64_t parallel_workers(const TrainConfig& config, int64_t processes);
int64_t threads_per_worker(const TrainConfig& config, int64_t processes);

// Sets the process's threads: --threads; or what gives every worker `each`, where that is above 0 (a checkpoint's); or
// a fair share of the cores, where several processes of a group are on one machine. Collective.
void set_up_threads(ProcessGroup& group, const TrainConfig& config, int64_t each);

}  // namespace skein
