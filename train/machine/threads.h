// The number of threads that a worker computes with. Beside seed, configuration and convolutions it is the one number
// that decides the last bits of a run. The OpenMP threads of a process are shared by those of its workers that compute
// concurrently.
#pragma once

#include "comm/process_group.h"
#include "train/config/config.h"

namespace skein {

int64_t workers_of_process(const TrainConfig& config, int64_t processes);  // workers in each of so many processes
int64_t parallel_workers(const TrainConfig& config, int64_t processes);    // how many of them compute concurrently
int64_t threads_per_worker(const TrainConfig& config, int64_t processes);

// Sets the number of OpenMP threads of this process. Collective. The first of these that is given:
//   --threads
//   `each` > 0 (from a checkpoint): as many as give every worker `each`
//   a fair share of the cores, where several processes of the group are on one machine
void set_up_threads(ProcessGroup& group, const TrainConfig& config, int64_t each);

}  // namespace skein
