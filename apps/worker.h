// What one worker owns: a model with its gradient and momentum, its part of the data, and its ends of the wires.
#pragma once

#include "apps/checkpoint.h"
#include "apps/team.h"
#include "comm/averager.h"
#include "comm/sync_policy.h"
#include "data/loader.h"
#include "engine/ops.h"
#include "engine/optimizer.h"
#include "engine/step_graph.h"

namespace skein {

struct StepResult {
  double loss = 0, wait_ms = 0, compute_seconds = 0;
  int64_t images = 0, correct = 0;
};

class Worker {
 public:
  Worker(const ModelCard& card, const Dataset& train, const TrainState& start, int64_t rank, Queue queue);

  // Joins the others; collective. Workers start equal, as all draw from one seed.
  void connect(std::unique_ptr<Communicator> world, int64_t block_size);

  StepResult step(Lanes& lanes, int64_t step, double rate);  // one local step, number `step`, on its next batch
  void synchronise(Sync sync);                               // collective

  // Everything that a checkpoint must keep for this worker alone, by name.
  std::vector<NamedTensor> state();
  Traffic traffic() const;                                // what it has sent since it was connected
  Traffic last_traffic() const { return last_traffic_; }  // of the last averaging

  ParameterStore parameters;
  const std::unique_ptr<Model> model;
  Loader batches;

 private:
  void adjust_gradients();  // LARS and noise, where they were asked for

  const TrainConfig& config_;
  const int64_t rank_;
  Queue queue_;
  Tensor step_;  // i32, steps done: what the noise of a step is drawn from
  Sgd sgd_;
  StepGraph graph_;
  std::unique_ptr<Communicator> world_, block_;
  std::unique_ptr<ModelAverager> world_averager_, block_averager_;
  Traffic last_traffic_;
};

}  // namespace skein
