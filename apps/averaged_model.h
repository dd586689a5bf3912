// The average of several workers' models, made for evaluation and for checkpoints, and never trained on. Parameters are
// the mean in rank order. Running statistics (--bn-stats):
//   local     those of worker 0
//   average   mean_k and var_k averaged
//   moments   the same, and the variance between the workers' means is added: mean(var_k + mean_k^2) - mean(mean_k)^2
#pragma once

#include "apps/checkpoint.h"

namespace skein {

class AveragedModel {
 public:
  AveragedModel(const ModelCard& card, Queue queue);
  void update(const std::vector<ParameterStore*>& workers);

  ParameterStore parameters;
  const std::unique_ptr<Model> model;

 private:
  void update_statistics(const std::vector<ParameterStore*>& workers);
  std::string statistics_;
  Queue queue_;
};

}  // namespace skein
