// Narrow versions of all networks, for three classes.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "models/resnet.h"

namespace skein::testing {

struct SmallNetwork {
  std::string name;
  int64_t size;  // height and width of the images
  std::function<std::unique_ptr<Model>(ParameterStore&)> make;
};
inline void PrintTo(const SmallNetwork& n, std::ostream* out) { *out << n.name; }

inline SmallNetwork named(const std::string& name, float dropout = 0) {
  ModelOptions options{.classes = 3};
  options.dropout = dropout;
  return {name + (dropout > 0 ? "-dropout" : ""), 8, [=](ParameterStore& p) { return make_model(name, options, p); }};
}

template <class Block>
SmallNetwork narrow(const std::string& name) {
  return {name, 64, [](ParameterStore& p) {
            return std::make_unique<ResNet<Block>>(ResNetStages{1, 1, 2, 1}, ModelOptions{.classes = 3}, p, 4);
          }};
}

inline std::string name_without_dashes(const SmallNetwork& n) {
  std::string name = n.name;
  std::erase(name, '-');
  return name;
}

}  // namespace skein::testing
