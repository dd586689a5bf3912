// A sweep as a job array of Slurm: one task per run, each of one process.
#pragma once

#include <string>
#include <vector>

#include "apps/sweep/sweep_plan.h"

namespace skein {

// The text of DIR/sweep.sbatch: `runs` as tasks 0, 1, 2 ..., at most `at_once` at a time (0: no limit). options: of
// #SBATCH, one a line. Before its time is up a task saves its run; submitted again, it goes on.
std::string sbatch_script(const std::vector<SweepRun>& runs, const std::string& folder, int64_t at_once,
                          const std::vector<std::string>& options);

// Submits the file. BadInput where there is no sbatch, RunFailed where it refuses.
void submit(const std::string& script);

}  // namespace skein
