// The average of all workers' models, for evaluation and checkpoints; it is never trained. Parameters are the mean over
// the workers (local_sgd/worker_mean.h). Running statistics of batch norm (--bn-stats), over workers k:
//
//   local         worker 0's. epfml/LocalSGD-Code never communicates them either
//   average       mean_k and var_k averaged
//   moments       as average, plus the variance between the workers' means: mean(var_k + mean_k^2) - mean(mean_k)^2
//   recompute:N   computed anew for the averaged model: the mean over N training batches, not augmented, in an order
//                 given by the seed. The inputs of its batch norms differ from those of every worker's.
#pragma once

#include "comm/process_group.h"
#include "train/run_state.h"
#include "train/step_context.h"

namespace skein {

struct BnStatistics {
  enum Form : uint8_t { local, average, moments, recompute } form = average;
  int64_t batches = 0;  // of recompute
};
BnStatistics parse_bn_statistics(const std::string& text);  // BadInput lists the forms

// Flat vectors of a model, laid out as those of a ParameterStore. frozen: the same numbers in every worker.
struct FlatModel {
  Tensor value, running_statistics, frozen;
};

class AveragedModel {
 public:
  AveragedModel(const ModelInfo& info, const Dataset& train, Queue queue);
  // Collective; every rank has the average then. own: the workers of this process, in rank order. The context is used
  // to recompute.
  void update(ProcessGroup& group, const std::vector<ParameterStore*>& own, StepContext& context);
  void average(ProcessGroup& group, const std::vector<FlatModel>& own, StepContext& context);  // the same

  ParameterStore parameters;
  const std::unique_ptr<Model> model;

 private:
  void add_variance_between(ProcessGroup& group, const std::vector<FlatModel>& own);
  void recompute(StepContext& context);
  void take_statistics_of_root(ProcessGroup& group);

  BnStatistics statistics_;
  Dataset train_;
  int64_t batch_;
  uint64_t seed_;
  Queue queue_;
};

}  // namespace skein
