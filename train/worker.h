// One worker of local SGD: a model with its gradient and momentum, its part of the training data, and its
// communicators. A worker is used by one thread at a time. Its device work is ordered on the queue of its step context.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "engine/ops.h"
#include "engine/optimizer.h"
#include "engine/step_graph.h"
#include "local_sgd/gradient_averager.h"
#include "local_sgd/model_averager.h"
#include "local_sgd/sync_momentum.h"
#include "local_sgd/sync_schedule.h"
#include "train/averaged_model.h"
#include "train/communication_thread.h"
#include "train/run_state.h"
#include "train/step_context.h"
#include "train/step_output_reader.h"
#include "train/training_data.h"

namespace skein {

// The result of one step. Trivially copyable: ranks exchange it as raw bytes.
struct StepResult {
  StepOutput output;
  double wait_ms = 0;  // time that the worker has waited for data
  int64_t images = 0;
  Traffic sent;  // by the worker, in the averaging after the step
};

// Upper bound on steps between two host synchronisations. It limits how late a signal takes effect when H is large, and
// how stale the displayed loss is on a GPU.
constexpr int64_t kMaxUncollectedSteps = 16;

// The place of the parameters' update within a step.
enum class StepMode : uint8_t {
  local,              // in the pass; on a GPU forward, backward and update are one captured graph
  accumulate,         // after the last of the step's passes, along the mean of their gradients
  average_gradients,  // in average(), along the mean of all workers' gradients
};

// Settings of the averaging among the workers of a run.
struct AveragingOptions {
  int64_t block_size = 0;               // number of ranks in a block; 0: the schedule has no blocks
  int64_t gradient_steps = 0;           // number of steps, from the first, in which gradients are averaged
  int64_t plain_steps = 0;              // number of steps, from the first, whose averagings are without the outer step
  bool overlap = false;                 // send gradients during the backward pass: worthwhile only between processes
                                        // that have one worker each
  std::optional<DelayedMerge> delayed;  // some averagings of the models are delayed, and how they are merged
};

class Worker {
 public:
  // Continues the data order at `start`. BadInput where `start` and the data have different numbers of steps per epoch.
  // `info` and `contexts` must outlive the worker.
  Worker(const ModelInfo& info, const Dataset& train, const TrainState& start, int64_t rank, StepContextPool& contexts);

  // Connects to the other workers. Collective. Workers are equal before the first step, because they share a seed.
  void connect(std::unique_ptr<Communicator> world, const AveragingOptions& averaging);

  // Before the local steps of an elastic round: they are on these samples of the epoch, one or more, in this order.
  // steps_done: steps of the run before them. Returns their number.
  int64_t take_samples(const Dataset& train, int64_t epoch, std::vector<int32_t> samples, int64_t steps_done);

  // Takes one step with learning rate `rate` on the worker's next batch; with --accumulate n on the next n, or on those
  // that are left of the epoch. Waits for a step context. On a GPU it returns before the device has computed the step.
  // `then`: the averaging that follows the step, or is merged after it.
  void local_step(double rate, SyncScope then);
  // Averages the models. In the first gradient_steps steps it averages the gradients, then updates the parameters.
  // Collective among the ranks of the scope. All of them must have returned from local_step(), as they may share a step
  // context.
  void average(SyncScope scope);
  // The same, delayed. start: right before the next local step; rate: of the step before. merge: some local steps
  // later; a checkpoint keeps what is to be merged, so it may be in another process. In between, the worker's
  // communicators are in use until settle() returns.
  void start_averaging(SyncScope scope, double rate);
  void settle();
  void merge_averaging(SyncScope scope);
  // Called, by the worker's thread, before anything that a checkpoint keeps changes; but for running statistics. On the
  // CPU.
  void before_change(std::function<void()> wait) { before_change_ = std::move(wait); }
  // The results of the steps since the last call, kMaxUncollectedSteps at most. On a GPU it waits for them.
  std::vector<StepResult> collect();

  // Call after the same weights were loaded into all workers. The consensus and the average over the steps start there.
  void reset_consensus();
  // Runs one forward and backward pass on zeros, for a full batch, so that every layer chooses its convolution; on a
  // GPU also for an epoch's last, shorter batch. Discards the gradients and restores the batch-norm statistics.
  void warm_up_convolutions();

  // The tensors that a checkpoint must keep for this worker alone, by name. They share memory with the worker's, so
  // copying into them restores.
  std::vector<NamedTensor> state();

  int64_t rank() const { return rank_; }
  ParameterStore& parameters() { return parameters_; }
  // With --ema d: the average of the weights over the steps, d*average + (1-d)*weights after each step, the averaging
  // among the workers included, and of the running statistics by the same rule; it starts as the first weights (timm's
  // ModelEmaV2; torch.optim.swa_utils.AveragedModel with use_buffers). Undefined without.
  const FlatModel& ema() const { return ema_; }
  const Model& model() const { return *model_; }

 private:
  void forward_backward(StepContext& context, const Batch& batch);
  void accumulate_gradients(const Queue&, int64_t pass, bool last);
  void average_models(SyncScope scope);
  View norms(SyncScope scope) const;  // the AveragingNorms, absent if they are not measured
  AveragingRound next_averaging(double rate);
  void optimizer_step(const Queue&);  // for steps in which it is not part of the pass
  void update(const Queue&);
  void update_ema(const Queue&);
  void adjust_gradients(const Queue&);  // --clip-norm, --lars and --noise
  void warm_up_convolutions(StepContext& context, int64_t images);
  DropoutStream draws() const;
  Traffic newly_sent();  // since the last call, by averagings that were not delayed

  const TrainConfig& config_;
  const int64_t rank_;
  StepContextPool& contexts_;
  const Queue queue_;
  ParameterStore parameters_;
  const std::unique_ptr<Model> model_;
  std::unique_ptr<Loader> batches_;  // in an elastic run null until the first round
  const Shape batch_shape_;          // N,H,W,C of a full batch
  const int64_t last_batch_;         // number of images in an epoch's last batch; 0: all are full
  int64_t steps_done_;               // number of steps since the run began
  double rate_ = 0;                  // learning rate of the last step
  StepMode mode_ = StepMode::local;  // mode of the current or last step
  Tensor pass_number_;               // i32 on the device: noise and dropout are drawn from it
  Tensor accumulated_;               // sum of the gradients of a step's passes; undefined without --accumulate
  const std::unique_ptr<Optimizer> optimizer_;
  FlatModel ema_;
  StepOutputReader outputs_;
  std::function<void()> before_change_;
  std::vector<StepResult> results_;              // since the last collect(); their outputs are in outputs_
  StepGraph local_step_graph_, gradient_graph_;  // a pass with and without the update

  AveragingOptions averaging_;
  std::unique_ptr<Communicator> world_, block_;
  std::unique_ptr<ModelAverager> world_averager_, block_averager_;
  std::unique_ptr<GradientAverager> gradient_averager_;
  std::unique_ptr<CommunicationThread> communication_;  // only with a delay; before what it uses is destroyed
  SyncMomentum sync_momentum_;
  int64_t world_averagings_;  // since the run began
  int64_t averaged_at_;       // steps done before the last averaging
  Traffic known_traffic_;
};

}  // namespace skein
