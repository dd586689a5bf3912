// The model that a run evaluates and saves, and its accuracy on the test set. With one worker it is the worker's model,
// with several the average of theirs (train/averaged_model.h). Every call is collective and must be made while no
// worker computes.
#pragma once

#include <map>
#include <memory>

#include "train/sharded_test_set.h"

namespace skein {

class Evaluator {
 public:
  Evaluator(ProcessGroup& group, WorkerPool& pool, const ModelInfo& info, const Splits& data);

  // The model after step `step` of the run. The average is made once per step.
  ParameterStore& model_parameters(int64_t step);
  // The score of that model. Every process evaluates a part of the set, and has the score; rank 0 has the predictions,
  // which all or none ask for.
  Score test_model(int64_t step, Predictions* predictions);
  // With --ema: the average over the steps of that model's weights. The rule is linear, so with several workers it is
  // the mean of their own averages.
  ParameterStore& ema_parameters(int64_t step);
  Score test_ema(int64_t step);
  // Mean of the scores of the workers' own models.
  Score test_workers();
  void warm_up_convolutions() { test_set_.warm_up_convolutions(pool_.worker(0).model()); }  // not collective

 private:
  Score test_worker(int64_t i);  // of this process, on the whole set

  ProcessGroup& group_;
  WorkerPool& pool_;
  const int64_t eval_batch_;
  const DType activations_;
  ShardedTestSet test_set_;
  std::map<int, std::unique_ptr<Loader>> whole_sets_;  // by GPU, for test_worker(); made when they are needed
  std::unique_ptr<AveragedModel> averaged_;            // null with one worker
  std::unique_ptr<AveragedModel> ema_;                 // null without --ema
  int64_t averaged_step_ = -1, ema_step_ = -1;         // the steps whose averages they are
};

}  // namespace skein
