// The record of a run's steps. Losses and times stay with the workers, on a GPU even on the device, until a reporting
// point. There all ranks exchange them, and the log sums them up: over the workers (StepMetrics), over the epoch
// (EpochTotals) and over the run (CommunicationTotals).
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "local_sgd/network_model.h"
#include "train/metrics.h"
#include "train/round_log.h"
#include "train/worker_pool.h"

namespace skein {

class StepLog {
 public:
  // Adds to the totals and times of `state`, and reads from it where the run is. BadInput where --net is wrong.
  StepLog(ProcessGroup& group, WorkerPool& pool, const TrainConfig& config, int64_t steps_per_epoch, TrainState& state);

  // Notes the step just taken, the last one that `state` counts: its learning rate, the averaging after it, the time
  // that both took on the host, the number of steps of its round, and whether a delayed averaging was under way.
  void record(double rate, SyncScope scope, double seconds, int64_t round_steps, bool overlaps);
  // True when it is time to collect. In one CPU process: after every step. Else: after an averaging between processes
  // of scope world that was not delayed, which has made them wait for each other already, every kMaxUncollectedSteps
  // steps, and at the end of an epoch or of the run (`last_step`).
  bool is_reporting_point(int64_t last_step) const;
  // The metrics of the steps since the last call. Collective. RunFailed on all ranks when a loss is not finite.
  std::vector<StepMetrics> collect();
  // True when all steps are collected, on all ranks at the same step.
  bool empty() const { return steps_.empty(); }

  const NetworkModel& network() const { return *network_; }  // only with --net

 private:
  std::vector<StepResult> collect_results();
  void add_results(std::span<const StepResult> workers, StepMetrics& step);
  void add_communication(std::span<const StepResult> workers, const StepMetrics& step);
  void add_times(std::span<const StepResult> workers, const StepMetrics& step);

  ProcessGroup& group_;
  WorkerPool& pool_;
  const int64_t steps_per_epoch_;
  TrainState& state_;
  std::optional<NetworkModel> network_;
  std::vector<StepMetrics> steps_;  // since the last collect(), without the workers' results
  double seconds_ = 0;              // time of these steps
  RoundLog round_;
};

}  // namespace skein
