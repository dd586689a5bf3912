// The model that a run evaluates and saves, and its accuracy on the test set. With one worker it is the worker's model,
// with several the average of theirs (train/averaged_model.h). Every call is collective and must be made while no
// worker computes.
#pragma once

#include <map>
#include <memory>

#include "train/averaged_model.h"
#include "train/evaluation/evaluation.h"
#include "train/evaluation/predictions.h"
#include "train/worker_pool.h"

namespace skein {

class Evaluator {
 public:
  Evaluator(ProcessGroup& group, WorkerPool& pool, const ModelInfo& info, const Splits& data);

  // The model after step `step` of the run. The average is made once per step. Complete on rank 0 only.
  ParameterStore& model_parameters(int64_t step);
  // The score of that model. Rank 0 evaluates, with a line on the terminal if it takes long; every rank has the score,
  // and rank 0 the predictions.
  Score test_model(int64_t step, Predictions* predictions);
  // With --ema: the average over the steps of that model's weights. The rule is linear, so with several workers it is
  // the mean of their own averages. Complete on rank 0 only.
  ParameterStore& ema_parameters(int64_t step);
  Score test_ema(int64_t step);
  // Mean of the scores of the workers' own models.
  Score test_workers();

 private:
  Score test(const Model& model, Predictions* predictions = nullptr);
  Score test_worker(int64_t i);  // of this process
  // Rank 0 evaluates, every rank has the score.
  Score test_on_root(const Model& model, Predictions* predictions = nullptr);

  ProcessGroup& group_;
  WorkerPool& pool_;
  const Dataset test_data_;
  const int64_t eval_batch_;
  const DType activations_;
  const std::unique_ptr<Loader> test_batches_;
  std::map<int, std::unique_ptr<Loader>> batches_on_others_;  // by GPU; made when they are needed
  std::unique_ptr<AveragedModel> averaged_;                   // null with one worker
  std::unique_ptr<AveragedModel> ema_;                        // null without --ema
  int64_t averaged_step_ = -1, ema_step_ = -1;                // the steps whose averages they are
};

}  // namespace skein
