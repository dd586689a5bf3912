// The training loop: who steps, at which rate, for how long, and when the model is evaluated. It computes; folders,
// checkpoints and the terminal are its listeners'.
#pragma once

#include <functional>

#include "apps/checkpoint.h"
#include "apps/evaluation.h"
#include "engine/ops.h"
#include "engine/optimizer.h"
#include "engine/rate_schedule.h"
#include "engine/step_graph.h"

namespace skein {

RateSchedule rate_schedule(const TrainConfig& config);

struct StepMetrics {
  int64_t step, epoch;  // both from 1
  double loss, lr, wait_ms;
  int64_t step_in_epoch, images;
  EpochTotals totals;  // of the epoch so far
};

struct EpochMetrics {
  int64_t epoch, step;
  double lr, train_loss, train_top1;
  Score test;
  double images_per_second, seconds;  // training alone; since the run began
  bool best;
};

struct TrainListener {
  std::function<void(const StepMetrics&)> on_step;
  std::function<void(const EpochMetrics&)> on_epoch;
  std::function<bool()> should_stop;  // asked between steps
};

// What one worker owns: a model, its gradient and momentum, and its part of the data.
struct Worker {
  Worker(const ModelCard& card, const Dataset& train, const TrainState& start, Queue queue);
  Loss step(const Batch& batch, double rate);

  ParameterStore parameters;
  std::unique_ptr<Model> model;
  Sgd sgd;
  Arena arena;
  Tape tape;
  StepGraph graph;
  Loader batches;
};

class Trainer {
 public:
  Trainer(const ModelCard& card, const Splits& data, const TrainState& start = {});

  // Trains until all epochs are done (true) or the listener wants to stop (false). RunFailed when the loss is not
  // finite.
  bool run(const TrainListener& listener);

  const TrainState& state() const { return state_; }
  ParameterStore& parameters() { return worker_.parameters; }
  int64_t steps_per_epoch() const { return worker_.batches.steps(); }

 private:
  StepMetrics step();
  EpochMetrics end_epoch();

  TrainConfig config_;
  RateSchedule schedule_;
  TrainState state_;
  Worker worker_;
  Loader test_batches_;
};

}  // namespace skein
