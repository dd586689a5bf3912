// Measured times of a network's layers: from `skein bench step --profile --json`, or from a timeline of `skein train
// --trace`, whose rank 0 counts.
#pragma once

#include <map>
#include <string>

namespace skein {

struct LayerTimes {
  struct Time {
    double forward = 0, backward = 0;  // milliseconds of a training step
  };
  std::string model;
  std::map<std::string, Time> layers;  // "layer1.0.conv1", "bn1/max pool" (engine/kernel_spans.h)
};

// The file may be compressed by gzip. BadInput says what is wrong with it; its text begins with `flag` and the path.
LayerTimes read_layer_times(const std::string& path, const std::string& flag = "");

}  // namespace skein
