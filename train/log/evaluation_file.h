// evaluation.json of a run folder: what its best model predicted on the test set. docs/metrics.md has the keys.
#pragma once

#include <string>
#include <vector>

#include "data/picture.h"
#include "train/metrics.h"

namespace skein {

struct WorstPrediction {
  int64_t index = 0;  // of the image in the test set
  Prediction prediction;
  Picture picture;  // at most 64 pixels high and wide
};

// The 16 wrong predictions that the model was surest of, the surest first. Damaged images are left out.
std::vector<WorstPrediction> find_worst(const Predictions& predictions, const Dataset& test);

// Replaces the file by the predictions of the epoch. RunFailed if it cannot be written.
void write_evaluation(const std::string& path, const EpochMetrics& epoch, const std::vector<std::string>& classes,
                      const std::vector<WorstPrediction>& worst);

}  // namespace skein
