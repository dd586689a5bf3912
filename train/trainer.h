// The training loop: who steps, at which rate, when the workers average and when the model is evaluated. It computes;
// folders, checkpoints and the terminal are its listeners'. The K workers of the run live in the processes of a group:
// all in the only one, as threads, or one in each. A process runs the loop for the workers it has.
#pragma once

#include <functional>
#include <optional>

#include "comm/worker_communicators.h"
#include "local_sgd/learning_rate.h"
#include "local_sgd/network_model.h"
#include "train/averaged_model.h"
#include "train/evaluation.h"
#include "train/threads.h"
#include "train/worker.h"

namespace skein {

LearningRateSchedule rate_schedule(const TrainConfig& config);
// Steps after which the workers may average gradients: from the start as long as all average after every step.
int64_t gradient_steps(const TrainConfig& config, const std::vector<SyncScope>& syncs);

struct StepMetrics {
  int64_t step, epoch;  // both from 1
  double loss, lr, wait_ms;
  int64_t step_in_epoch, images;
  EpochTotals totals;  // of the epoch so far
  SyncScope sync = SyncScope::none;
  Traffic sent;  // by worker 0 in the averaging that followed
};

struct EpochMetrics {
  int64_t epoch, step;
  double lr, train_loss, train_top1;
  Score test;                         // of the model; with several workers, of their average
  std::optional<Score> local;         // mean over the workers' own models, where it was asked for
  double images_per_second, seconds;  // training alone; since the run began
  CommunicationTotals rounds;         // since the run began
  bool best;
};

// Called on every process, with the same numbers but for times. Steps may be reported several at once: processes hand
// over their results where they wait for each other anyway.
struct TrainListener {
  std::function<void(const StepMetrics&)> on_step;
  std::function<void(const EpochMetrics&)> on_epoch;
  std::function<bool()> should_stop;  // asked between steps; one process that wants to is enough
  int64_t last_step = INT64_MAX;      // stop after it
};

class Trainer {
 public:
  // Collective. The workers of `info` are as many as there are processes, or there is one process.
  Trainer(ProcessGroup& group, const ModelInfo& info, const Splits& data, const TrainState& start = {});

  // Trains until all epochs are done (true) or a listener wants to stop (false). RunFailed on every process when a loss
  // is not finite.
  bool run(const TrainListener& listener);

  const TrainState& state() const { return state_; }
  int64_t size() const { return config_.workers; }  // of the run
  int64_t local_size() const { return int64_t(workers_.size()); }
  Worker& worker(int64_t local) { return *workers_[size_t(local)]; }  // of this process
  int64_t steps_per_epoch() const { return steps_per_epoch_; }
  const TrainConfig& config() const { return config_; }
  const SyncSchedule& sync_schedule() const { return sync_schedule_; }
  const NetworkModel& network() const { return *network_; }  // with --net

  // The model that is evaluated and saved: the only worker's, or the average of all. Collective; whole on process 0.
  ParameterStore& model_parameters();
  WorkerStates worker_states();  // of this process; empty with one worker
  // Process 0 chooses the convolutions for all, whose clocks would choose differently.
  void agree_on_convolutions();

 private:
  void step();
  bool is_reporting_point(int64_t last_step) const;
  std::vector<StepMetrics> collect_metrics();
  void add_up(const StepResult* const* workers, StepMetrics& metrics);
  void count_round(SyncScope sync, const StepResult* const* workers);
  EpochMetrics end_epoch();
  Score evaluate_local();  // mean over the workers' own models
  bool is_best(const Score& test, const std::optional<Score>& local);

  ProcessGroup& group_;
  ModelInfo info_;
  const TrainConfig& config_;
  LearningRateSchedule schedule_;
  SyncSchedule sync_schedule_;
  const int64_t steps_per_epoch_;
  TrainState state_;
  std::vector<SyncScope> syncs_;  // [s]: what follows step s, from 0
  int64_t gradient_steps_ = 0;    // the first steps, which average gradients
  StepContextPool contexts_;
  std::vector<std::unique_ptr<Worker>> workers_;
  WorkerCommunicators communicators_;
  WorkerThreads worker_threads_;
  const std::unique_ptr<Loader> test_batches_;
  std::unique_ptr<AveragedModel> averaged_;  // where there are several workers
  int64_t averaged_step_ = -1;               // what it is the average of
  std::vector<StepResult> waiting_;          // of this process's workers, since the processes last met
  double waiting_seconds_ = 0;               // that these steps took
  std::optional<NetworkModel> network_;      // with --net
};

}  // namespace skein
