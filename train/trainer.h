// The training loop of the paper (Lin, Stich, Patel, Jaggi: "Don't Use Large Mini-Batches, Use Local SGD", arXiv
// 1808.07217): in every step each worker takes a local step on its own batch, and after the steps that the schedule
// names the workers average. Once per epoch the model is evaluated. The trainer computes; run folder, checkpoints and
// terminal are its listener's. With several processes each runs the same loop for its own worker.
#pragma once

#include <functional>

#include "local_sgd/learning_rate.h"
#include "train/evaluator.h"
#include "train/metrics.h"
#include "train/step_log.h"
#include "train/worker_pool.h"

namespace skein {

// With --average gradients: the number of steps, from the first, after which gradients are averaged instead of models.
// It ends with the first step that not all workers average after. Else 0. BadInput where the configuration does not
// allow it.
int64_t gradient_steps(const TrainConfig& config, const std::vector<SyncScope>& syncs);

// The averagings of a run: [s] the scope of that after step s (from 0), and how. merges: [s] the scope of that which
// the models get after step s; with a delay it began earlier (local_sgd/sync_schedule.h: merge_table).
struct AveragingPlan {
  std::vector<SyncScope> scopes, merges;
  AveragingOptions options;
};
AveragingPlan plan_averaging(const TrainConfig& config, int64_t steps_per_epoch, int64_t processes);

// Functions that the trainer calls on every rank, in the same order and with the same numbers, but for times.
struct TrainListener {
  std::function<void(const StepMetrics&)> on_step;  // once per step, but up to kMaxUncollectedSteps steps late
  std::function<void(const EpochMetrics&)> on_epoch;
  std::function<bool()> should_stop;                   // the run stops when one rank says true
  int64_t last_step = INT64_MAX;                       // the run stops after this step
  std::function<void(int64_t step)> before_step = {};  // step: from 1; may be collective
  std::function<bool()> should_save = {};              // all ranks call on_save when one says true
  std::function<void()> on_save = {};                  // between two steps; may be collective
};

class Trainer {
 public:
  // Starts at `start` with new weights; train/run/resume.h loads those of a checkpoint. Collective. The
  // processes of a group have as many of the run's workers each. BadInput where configuration, data or `start` do not
  // fit each other.
  Trainer(ProcessGroup& group, const ModelInfo& info, const Splits& data, const TrainState& start = {});

  // Trains until all epochs are done (true) or the listener stops the run (false). Collective. RunFailed on all ranks
  // when a loss is not finite.
  bool run(const TrainListener& listener);

  const TrainState& state() const { return state_; }
  int64_t size() const { return pool_.run_size(); }      // workers of the run
  int64_t local_size() const { return pool_.size(); }    // workers of this process
  Worker& worker(int64_t i) { return pool_.worker(i); }  // i-th worker of this process, from 0
  int64_t steps_per_epoch() const { return steps_per_epoch_; }
  const TrainConfig& config() const { return config_; }
  const NetworkModel& network() const { return log_.network(); }  // only with --net

  // The model that is evaluated and saved: the only worker's, or the average of all workers'. Collective.
  ParameterStore& model_parameters() { return evaluator_.model_parameters(state_.step); }
  // The average of that model's weights over the steps, null without --ema. Collective.
  const ParameterStore* ema_parameters() { return config_.ema > 0 ? &evaluator_.ema_parameters(state_.step) : nullptr; }
  WorkerStates worker_states() { return pool_.states(); }
  // Chooses a convolution for every layer and size of batch, of training and evaluation. Not collective.
  void warm_up_convolutions() {
    worker(0).warm_up_convolutions();
    evaluator_.warm_up_convolutions();
  }
  WorkerPool& workers() { return pool_; }

 private:
  void connect_workers();
  static SyncScope at(const std::vector<SyncScope>& table, int64_t step);
  SyncScope averaging_after(int64_t step) const;  // that the models get, at once or merged
  int64_t round_steps(int64_t step);              // H: number of steps of the round that the step (from 0) belongs to
  enum class Request : int64_t { none, save, stop };  // the greatest of all ranks' is granted
  Request request(const TrainListener& listener) const;
  EpochMetrics end_epoch();

  ProcessGroup& group_;
  const ModelInfo info_;
  const TrainConfig& config_;
  const LearningRateSchedule learning_rate_;
  const int64_t steps_per_epoch_;
  TrainState state_;
  std::vector<SyncScope> syncs_, merges_;    // of AveragingPlan; empty where nothing averages
  int64_t round_end_ = 0, round_steps_ = 0;  // of the last round that round_steps() has found
  WorkerPool pool_;
  StepLog log_;
  Evaluator evaluator_;
};

}  // namespace skein
