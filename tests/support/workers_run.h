// Short runs of several workers, as threads of this process.
#pragma once

#include <gtest/gtest.h>

#include "tests/support/small_training_run.h"
#include "train/trainer.h"

namespace skein::testing {

inline TrainConfig workers_config(const std::string& sync, int64_t workers = 4) {
  TrainConfig c = small_config();
  c.workers = workers;
  c.synthetic_train = 40 * workers;  // five steps of 8 an epoch
  c.sync = sync;
  return c;
}

// The parameters of every worker and of the model at the end of a run.
inline std::vector<std::vector<float>> final_values(const TrainConfig& config) {
  const Splits data = open_dataset("synthetic", dataset_options(config));
  ProcessGroup alone;
  Trainer trainer(alone, make_model_info(config, data.train), data);
  trainer.run({[](const StepMetrics&) {}, [](const EpochMetrics&) {}, never});
  std::vector<std::vector<float>> all;
  for (int64_t r = 0; r < trainer.size(); ++r) all.push_back(trainer.worker(r).parameters().value.to_vector());
  all.push_back(trainer.model_parameters().value.to_vector());
  return all;
}

}  // namespace skein::testing
