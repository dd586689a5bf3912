// The training loop: who steps, at which rate, when the workers average and when the model is evaluated. It computes;
// folders, checkpoints and the terminal are its listeners'.
#pragma once

#include <functional>
#include <optional>

#include "apps/averaged_model.h"
#include "apps/evaluation.h"
#include "apps/worker.h"
#include "comm/network.h"
#include "comm/thread_communicator.h"
#include "engine/rate_schedule.h"

namespace skein {

RateSchedule rate_schedule(const TrainConfig& config);

// Threads of one worker: all of --threads are shared by the workers that compute at the same time.
int64_t threads_per_worker(const TrainConfig& config);
int64_t parallel_workers(const TrainConfig& config);

struct StepMetrics {
  int64_t step, epoch;  // both from 1
  double loss, lr, wait_ms;
  int64_t step_in_epoch, images;
  EpochTotals totals;  // of the epoch so far
  Sync sync = Sync::none;
};

struct EpochMetrics {
  int64_t epoch, step;
  double lr, train_loss, train_top1;
  Score test;                         // of the model; with several workers, of their average
  std::optional<Score> local;         // mean over the workers' own models, where it was asked for
  double images_per_second, seconds;  // training alone; since the run began
  Rounds rounds;                      // since the run began
  bool best;
};

struct TrainListener {
  std::function<void(const StepMetrics&)> on_step;
  std::function<void(const EpochMetrics&)> on_epoch;
  std::function<bool()> should_stop;  // asked between steps
};

class Trainer {
 public:
  Trainer(const ModelCard& card, const Splits& data, const TrainState& start = {});

  // Trains until all epochs are done (true) or the listener wants to stop (false). RunFailed when the loss is not
  // finite.
  bool run(const TrainListener& listener);

  const TrainState& state() const { return state_; }
  int64_t size() const { return int64_t(workers_.size()); }
  Worker& worker(int64_t rank) { return *workers_[size_t(rank)]; }
  int64_t steps_per_epoch() const { return workers_.front()->batches.steps(); }
  const TrainConfig& config() const { return config_; }
  const SyncPolicy& policy() const { return *policy_; }

  // The model that is evaluated and saved: the only worker's, or the average of all, made now.
  ParameterStore& model_parameters();
  WorkerStates worker_states();  // empty with one worker

 private:
  StepMetrics step();
  EpochMetrics end_epoch();
  void count_round(Sync sync, double compute_seconds);
  Score evaluate_local();  // mean over the workers' own models

  ModelCard card_;
  const TrainConfig& config_;
  RateSchedule schedule_;
  std::unique_ptr<SyncPolicy> policy_;
  TrainState state_;
  std::vector<Sync> syncs_;  // [s]: what follows step s, from 0
  std::vector<std::unique_ptr<Worker>> workers_;
  Lanes lanes_;
  ThreadGroup group_;
  Team team_;
  Loader test_batches_;
  std::unique_ptr<AveragedModel> averaged_;  // where there are several workers
  const Rounds before_;                      // of earlier calls, when resumed
  std::optional<SimulatedClock> clock_;      // with --net
};

}  // namespace skein
