// Sums of what happens between two averagings, and the norms of an averaging, as RoundMetrics.
#pragma once

#include <span>
#include <vector>

#include "train/metrics.h"
#include "train/worker.h"

namespace skein {

class RoundLog {
 public:
  // block_size: of the schedule; 0: it has no blocks.
  RoundLog(int64_t workers, int64_t block_size);

  // Adds a step: the results of all workers in rank order, and its time on the host.
  void add(std::span<const StepResult> workers, double seconds);
  // The averaging after the step that was added last. world_rounds: number of averagings among all so far.
  RoundMetrics finish(std::span<const StepResult> workers, SyncScope scope, int64_t world_rounds, int64_t steps);

  // Time of an averaging without waiting for workers that come later: in each group of ranks the time of the rank that
  // came last, which is the shortest; of several blocks the longest.
  double averaging_seconds(std::span<const StepResult> workers, SyncScope scope) const;

 private:
  size_t group_size(SyncScope scope) const;
  double delta_cosine(std::span<const StepResult> workers, SyncScope scope) const;

  const size_t workers_, block_size_;
  std::vector<double> compute_;  // seconds of each worker since the averaging before
  double seconds_ = 0;           // of the run, since the averaging before
};

}  // namespace skein
