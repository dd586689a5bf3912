// Measured times of layers for the nodes of an ONNX file.
#pragma once

#include "apps/layer_times.h"
#include "engine/onnx/graph.h"

namespace skein {

// Sets the doc_string of each node whose layer was measured: "forward 0.51 ms, backward 1.30 ms". Returns the
// milliseconds of all layers that have no node of their own, such as batch norms that were folded.
double annotate(OnnxGraph& graph, const LayerTimes& times);

}  // namespace skein
