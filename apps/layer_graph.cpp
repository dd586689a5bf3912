#include "apps/layer_graph.h"

#include <map>
#include <set>

#include "engine/onnx/recording.h"
#include "models/model.h"

namespace skein {
namespace {

constexpr int64_t kSide = 32;  // of the recorded image: its size does not change the graph

// The layer whose weights the node reads, else the one that its name begins with.
std::string layer_of_node(const OnnxNode& node) {
  for (const std::string& input : node.inputs)
    if (input.ends_with(".weight")) return input.substr(0, input.rfind('.'));
  return layer_of(node.name);
}

}  // namespace

std::string layer_of(const std::string& name) { return name.substr(0, name.find('/')); }

LayerGraph layer_graph(const std::string& model, char shortcut) {
  ParameterStore parameters;
  const std::unique_ptr<Model> network = make_model(model, {.shortcut = shortcut}, parameters);
  parameters.build(Device::cpu, 1, DType::f32);
  const OnnxGraph onnx =
      record_onnx([&](const Var& images) { return network->forward(images); }, parameters, {kSide, kSide, 3});
  LayerGraph graph;
  std::map<std::string, int64_t> index;
  std::map<std::string, std::set<int64_t>> sources;  // of a node's value: the layers that made it
  std::vector<std::set<int64_t>> inputs;
  for (const OnnxNode& node : onnx.nodes) {
    std::set<int64_t> read;
    for (const std::string& input : node.inputs)
      if (const auto from = sources.find(input); from != sources.end())
        read.insert(from->second.begin(), from->second.end());
    if (node.op == "Concat") {
      sources[node.name] = read;
      continue;
    }
    const std::string layer = layer_of_node(node);
    const auto [place, added] = index.emplace(layer, int64_t(inputs.size()));
    if (added) {
      graph.layers.push_back(layer);
      inputs.emplace_back();
    }
    const int64_t here = place->second;
    read.erase(here);
    inputs[size_t(here)].insert(read.begin(), read.end());
    sources[node.name] = {here};
  }
  for (const std::set<int64_t>& of_layer : inputs) graph.inputs.emplace_back(of_layer.begin(), of_layer.end());
  return graph;
}

}  // namespace skein
