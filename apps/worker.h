// What one worker owns: a model with its gradient and momentum, its part of the data, and its ends of the wires.
#pragma once

#include "apps/checkpoint.h"
#include "apps/step_readings.h"
#include "apps/team.h"
#include "comm/averager.h"
#include "comm/gradient_averager.h"
#include "comm/sync_policy.h"
#include "data/loader.h"
#include "engine/ops.h"
#include "engine/optimizer.h"
#include "engine/step_graph.h"

namespace skein {

// Of one step. Processes hand these to each other as they lie in memory.
struct StepResult {
  Computed computed;  // by collect()
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
  Worker(const ModelCard& card, const Dataset& train, const TrainState& start, int64_t rank, Queue queue);

  // Joins the others; collective. Workers start equal, as all draw from one seed. overlap: average gradients while the
  // backward pass goes on, which pays where the others are in processes of their own.
  void connect(std::unique_ptr<Communicator> world, int64_t block_size, bool overlap);

  // One local step, number `step`, on its next batch; with --accumulate n on the next n, or what is left of the epoch.
  // All that it asks of the device it asks while it holds a lane: workers who share one share its stream, and there the
  // rate or the batch of one would fall into what another captures.
  // average_gradients: only the gradient is computed; meet() takes the step, along the mean of all workers' gradients.
  StepResult compute(Lanes& lanes, int64_t step, double rate, bool average_gradients);
  // Averages with the others, who must all have computed: they may have been waiting for this worker's lane.
  // Collective.
  void meet(Sync sync, bool average_gradients);
  // What came out of the steps since it was last called, kStepsApart at most: on a GPU nobody waits before.
  std::vector<Computed> collect() { return readings_.collect(); }
  Traffic newly_sent();  // since it was last asked
  void agreed();         // the workers' models have been made equal by other means than averaging

  // Everything that a checkpoint must keep for this worker alone, by name.
  std::vector<NamedTensor> state();
  // Computes gradients of nothing and forgets them, with a batch and with an epoch's last, shorter one: the
  // convolutions of all layers have been chosen then.
  void rehearse(Lanes& lanes);
  int64_t rank() const { return rank_; }

  ParameterStore parameters;
  const std::unique_ptr<Model> model;
  Loader batches;

 private:
  void pass(Lane& lane, const Batch& batch, bool with_step, bool overlap);
  void average_passes(int64_t pass, bool last);
  void descend();           // the optimiser's step, where it isn't part of a pass
  void adjust_gradients();  // LARS and noise, where they were asked for
  void rehearse(Lane& lane, int64_t images);

  const TrainConfig& config_;
  const int64_t rank_;
  const Shape images_;        // of a batch
  const int64_t last_batch_;  // images of an epoch's last one
  Queue queue_;
  Tensor step_;    // i32, passes done: what noise and dropout are drawn from
  Tensor passes_;  // sum of the gradients of a step's passes; undefined without --accumulate
  Sgd sgd_;
  StepReadings readings_;
  StepGraph step_graph_, gradient_graph_;  // of a whole step, and of one without the step itself
  std::unique_ptr<Communicator> world_, block_;
  std::unique_ptr<ModelAverager> world_averager_, block_averager_;
  std::unique_ptr<GradientAverager> gradient_averager_;
  Traffic known_traffic_;
};

}  // namespace skein
