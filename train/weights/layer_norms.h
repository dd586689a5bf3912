// Norms of a network's layers, of the weights of a model and of the gradient of one worker's last step; histograms of
// its parameters. Both copy flat vectors to the host and wait for them: for use once per epoch.
#pragma once

#include <string>
#include <vector>

#include "engine/parameters.h"

namespace skein {

struct LayerNorms {
  std::string name;         // of the layer: the parameters' common part, layer1.0.conv1 of layer1.0.conv1.weight
  double weight, gradient;  // Euclidean, over all parameters of the layer
};

// In the order of the network. `gradients` has the same parameters as `weights`.
std::vector<LayerNorms> layer_norms(const ParameterStore& weights, const ParameterStore& gradients);

// The finite numbers of one parameter. Bucket i counts those above limits[i-1], up to limits[i].
struct Histogram {
  std::string name;
  double min = 0, max = 0, sum = 0, squares = 0, count = 0;
  std::vector<double> limits = {}, counts = {};
};

// A histogram of every parameter, with equal buckets between the least and the largest number.
std::vector<Histogram> weight_histograms(const ParameterStore& weights);

}  // namespace skein
