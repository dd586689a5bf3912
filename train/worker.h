// What one worker owns: a model with its gradient and momentum, its part of the data, and its ends of the wires.
#pragma once

#include "data/loading/loader.h"
#include "engine/ops.h"
#include "engine/optimizer.h"
#include "engine/step_graph.h"
#include "local_sgd/gradient_averager.h"
#include "local_sgd/model_averager.h"
#include "local_sgd/sync_schedule.h"
#include "train/checkpoint.h"
#include "train/step_output_reader.h"
#include "train/worker_pool.h"

namespace skein {

// Of one step. Processes hand these to each other as they lie in memory.
struct StepResult {
  StepOutput computed;  // by collect()
  double wait_ms = 0;
  int64_t images = 0;
  Traffic sent;  // by the averaging that followed
};

// Steps that are taken at most before somebody waits for what came out: of processes, so that a signal is not left
// waiting by a large H; on a GPU, so that the loss is seen now and then.
constexpr int64_t kStepsApart = 16;

// Of an epoch, when each of the workers has its part of `images`.
int64_t steps_per_epoch(const TrainConfig& config, int64_t images);

class Worker {
 public:
  Worker(const ModelInfo& info, const Dataset& train, const TrainState& start, int64_t rank, Queue queue);

  // Joins the others; collective. Workers start equal, as all draw from one seed. overlap: average gradients while the
  // backward pass goes on, which pays where the others are in processes of their own.
  void connect(std::unique_ptr<Communicator> world, int64_t block_size, bool overlap);

  // One local step, number `step`, on its next batch; with --accumulate n on the next n, or what is left of the epoch.
  // All that it asks of the device it asks while it holds a context: workers who share one share its stream, and there the
  // rate or the batch of one would fall into what another captures.
  // average_gradients: only the gradient is computed; average() takes the step, along the mean of all workers' gradients.
  StepResult local_step(StepContextPool& contexts, int64_t step, double rate, bool average_gradients);
  // Averages with the others, who must all have computed: they may have been waiting for this worker's context.
  // Collective.
  void average(SyncScope sync, bool average_gradients);
  // What came out of the steps since it was last called, kStepsApart at most: on a GPU nobody waits before.
  std::vector<StepOutput> collect() { return readings_.collect(); }
  Traffic newly_sent();    // since it was last asked
  void reset_consensus();  // the workers' models have been made equal by other means than averaging

  // Everything that a checkpoint must keep for this worker alone, by name.
  std::vector<NamedTensor> state();
  // Computes gradients of nothing and forgets them, with a batch and with an epoch's last, shorter one: the
  // convolutions of all layers have been chosen then.
  void warm_up_convolutions(StepContextPool& contexts);
  int64_t rank() const { return rank_; }

  ParameterStore parameters;
  const std::unique_ptr<Model> model;
  const std::unique_ptr<Loader> batches;

 private:
  void pass(StepContext& context, const Batch& batch, bool with_step, bool overlap);
  void average_passes(int64_t pass, bool last);
  void optimizer_step();    // the optimiser's step, where it isn't part of a pass
  void adjust_gradients();  // LARS and noise, where they were asked for
  void warm_up_convolutions(StepContext& context, int64_t images);

  const TrainConfig& config_;
  const int64_t rank_;
  const Shape images_;        // of a batch
  const int64_t last_batch_;  // images of an epoch's last one
  Queue queue_;
  Tensor step_;    // i32, passes done: what noise and dropout are drawn from
  Tensor passes_;  // sum of the gradients of a step's passes; undefined without --accumulate
  Sgd sgd_;
  StepOutputReader readings_;
  StepGraph step_graph_, gradient_graph_;  // of a whole step, and of one without the step itself
  std::unique_ptr<Communicator> world_, block_;
  std::unique_ptr<ModelAverager> world_averager_, block_averager_;
  std::unique_ptr<GradientAverager> gradient_averager_;
  Traffic known_traffic_;
};

}  // namespace skein
