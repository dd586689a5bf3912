#include "apps/model/onnx_profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace skein {
namespace {

// "bn1/max pool" and the node bn1/MaxPool have the same letters.
std::string letters(const std::string& text) {
  std::string all;
  for (const char c : text)
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '/') all += char(std::tolower(c));
  return all;
}

// The layer whose weights the node reads, else the node's name.
std::string layer_of(const OnnxNode& node) {
  for (const std::string& input : node.inputs)
    if (input.ends_with(".weight")) return input.substr(0, input.rfind('.'));
  return node.name;
}

}  // namespace

double annotate(OnnxGraph& graph, const LayerTimes& times) {
  std::map<std::string, OnnxNode*> nodes;
  for (OnnxNode& node : graph.nodes) nodes.emplace(letters(layer_of(node)), &node);
  double elsewhere = 0;
  for (const auto& [layer, time] : times.layers) {
    const auto node = nodes.find(letters(layer));
    if (node == nodes.end())
      elsewhere += time.forward + time.backward;
    else
      node->second->doc = fmt::format("forward {:.3g} ms, backward {:.3g} ms", time.forward, time.backward);
  }
  return elsewhere;
}

}  // namespace skein
