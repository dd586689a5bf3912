// The common part of the commands that use a trained model: their flags, and the model ready on its device.
#pragma once

#include "apps/command_line.h"
#include "train/run/inference.h"
#include "train/step_context.h"

namespace skein {

struct InferenceFlags {
  std::string checkpoint;
  InferenceMachine machine;
  int64_t batch = 0;  // 0: as the run evaluated
  bool dtype_given = false, json = false;
};

void add_inference_options(Command& command, InferenceFlags& flags);

struct Inference {
  // The type is the one that was given; else f32, or tf32 on a GPU for a run that trained in it.
  explicit Inference(const InferenceFlags& flags);

  const ModelInfo& info() const { return trained.info(); }

  const Device device;
  StepContext context;
  const TrainedModel trained;
  const DType images;  // type of a batch's images
  const int64_t batch;
};

// The configuration of a run with the data that is named instead of its own, as --data and --data-dir; empty: its own.
TrainConfig with_data(TrainConfig config, const std::string& data, const std::string& data_dir);
// The data of a configuration for a network with the same classes: with the network's class numbers, normalised by mean
// and deviation of its training set. Prints a note where the classes are not the same. BadInput where channels or
// classes do not fit.
Splits open_data(const TrainConfig& config, const ModelInfo& info);

// BadInput if a command cannot write its result to `path`, given by `flag`: it exists and there is no --force, it is a
// folder, or its folder is missing. No effect on an empty path. To be called before the work.
void check_new_file(const char* flag, const std::string& path, bool force);

}  // namespace skein
