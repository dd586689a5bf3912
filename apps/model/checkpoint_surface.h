// The training loss around a checkpoint: what `skein geometry` and `skein reproduce` measure.
#pragma once

#include <memory>
#include <string>

#include "train/geometry/curvature.h"
#include "train/run/inference.h"

namespace skein {

class CheckpointSurface {
 public:
  // of_data: the configuration that names the data. BadInput as from TrainedModel; where the data has other channels,
  // sizes or classes than the network; where it has fewer images than the sample. `progress` as in LossSurface.
  CheckpointSurface(const std::string& run_or_checkpoint, const TrainConfig& of_data, const LossSample& sample,
                    StepContext& context, std::function<void(int64_t)> progress = {});

  const ModelInfo& info() const { return checkpoint_.info; }
  const Checkpoint& checkpoint() const { return checkpoint_; }
  const Splits& data() const { return data_; }
  LossSurface& surface() { return *surface_; }  // first at the checkpoint's parameters

 private:
  Checkpoint checkpoint_;
  Splits data_;
  std::unique_ptr<LossSurface> surface_;
};

}  // namespace skein
