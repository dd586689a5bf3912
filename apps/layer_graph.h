// A network's layers and which reads which, as the recording of its forward pass has them (engine/onnx/recording.h). An
// operation without parameters belongs to the layer that ran before it, as its time does (engine/kernel_spans.h); a
// concatenation belongs to none: its reader reads all of its parts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace skein {

struct LayerGraph {
  std::vector<std::string> layers;           // in the order of the forward pass
  std::vector<std::vector<int64_t>> inputs;  // of each layer: indices of the layers that it reads, ascending
};

// shortcut: ModelOptions::shortcut. BadInput for a model without a recording.
LayerGraph layer_graph(const std::string& model, char shortcut);

// The layer of a kernel or node: "bn1/max pool" belongs to "bn1".
std::string layer_of(const std::string& name);

}  // namespace skein
