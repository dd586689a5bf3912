// Measured times of layers for the nodes of an ONNX file: from `skein bench step --profile --json`, or from a timeline of
// `skein train --trace`, whose rank 0 counts.
#pragma once

#include <map>
#include <string>

#include "engine/onnx/graph.h"

namespace skein {

struct LayerTimes {
  struct Time {
    double forward = 0, backward = 0;  // milliseconds of a training step
  };
  std::string model;
  std::map<std::string, Time> layers;  // "layer1.0.conv1", "bn1/max pool" (engine/kernel_spans.h)
};

// The file may be compressed by gzip. BadInput names what is wrong with it.
LayerTimes read_layer_times(const std::string& path);

// Sets the doc_string of each node whose layer was measured: "forward 0.51 ms, backward 1.30 ms". Returns the
// milliseconds of all layers that have no node of their own, such as batch norms that were folded.
double annotate(OnnxGraph& graph, const LayerTimes& times);

}  // namespace skein
