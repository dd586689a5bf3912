// A trained network as an ONNX file, for ONNX Runtime and other run times. Input "images", float (batch, channels,
// height, width); output "logits", float (batch, classes). The metadata is that of model_metadata(), and "input", which
// says how pixels become the input. `skein export --to onnx` writes it.
#pragma once

#include <string>

#include "apps/model/onnx_profile.h"
#include "models/model.h"
#include "train/run_state.h"

namespace skein {

struct OnnxFileContents {
  int64_t nodes = 0;
  int64_t folded = 0, batch_norms = 0;  // batch norms that are part of a convolution, and that are nodes
};

// The store is built, on the CPU. `fold`: see fold_batch_norms(). `times`: null, or times for the nodes' doc_string;
// then the metadata has "profile", which says where they are from, and "profile_elsewhere_ms", the time of layers
// without a node. Replaces the file as a whole or not at all. BadInput for a network that ONNX cannot express,
// RunFailed where the file cannot be written.
OnnxFileContents write_onnx_file(const std::string& path, const Model& model, const ParameterStore& parameters,
                                 const ModelInfo& info, bool fold, const LayerTimes* times = nullptr);

}  // namespace skein
