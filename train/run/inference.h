// A trained model, ready to compute: what `skein eval`, `predict` and `export` start from.
#pragma once

#include <memory>
#include <string>

#include "models/model.h"
#include "train/run/checkpoint.h"

namespace skein {

// The checkpoint that a name stands for: the folder itself, or of a run folder checkpoints/best and, where that is
// absent, checkpoints/last. Changes nothing on the disk, so it can be used while the run goes on. BadInput if there is
// none, for example in a run that was stopped before its first checkpoint.
std::string find_checkpoint(const std::string& run_or_checkpoint);

// The network of a checkpoint with its parameters and running statistics. checkpoint.info has the names of the classes
// and the size, mean, deviation and preprocessing of an image. BadInput as from open_checkpoint() and load_model().
struct TrainedModel {
  explicit TrainedModel(const std::string& run_or_checkpoint, Device device = Device::cpu,
                        DType activations = DType::f32);
  TrainedModel(const TrainedModel&) = delete;
  TrainedModel& operator=(const TrainedModel&) = delete;

  const ModelInfo& info() const { return checkpoint.info; }
  int64_t classes() const { return int64_t(checkpoint.info.classes.size()); }

  const Checkpoint checkpoint;
  ParameterStore parameters;
  const std::unique_ptr<Model> model;
};

// The device that inference computes on, and the type.
struct InferenceMachine {
  DeviceChoice device = DeviceChoice::automatic;
  ComputeType dtype = ComputeType::f32;
  int64_t threads = 0;  // of OpenMP; 0: no change
};

// Sets the threads of this process. BadInput if the machine lacks the device or the type.
Device prepare_machine(const InferenceMachine& machine);
// Computes with the convolution kernels of the checkpoint. On another kind of machine the kernels are timed anew, and
// the last bits may differ.
void use_convolutions_of(const Checkpoint& checkpoint, Device device, ComputeType dtype);

}  // namespace skein
