#include <algorithm>
#include <cmath>

#include "engine/onnx/recording.h"

namespace skein {
namespace {

std::vector<float>& reals(OnnxGraph& graph, const std::string& constant) {
  return std::get<std::vector<float>>(graph.constants.at(constant).numbers);
}

// Times that a node of the graph reads each value.
std::map<std::string, int> readers(const OnnxGraph& graph) {
  std::map<std::string, int> count;
  for (const OnnxNode& node : graph.nodes)
    for (const std::string& input : node.inputs) ++count[input];
  return count;
}

// norm: inputs x, gamma, beta, mean, var. conv: inputs x, w. The bias takes the memory and the name of beta.
void fold(OnnxGraph& graph, OnnxNode& conv, const OnnxNode& norm) {
  std::vector<float>& w = reals(graph, conv.inputs[1]);
  const std::vector<float>&gamma = reals(graph, norm.inputs[1]), &mean = reals(graph, norm.inputs[3]),
        &var = reals(graph, norm.inputs[4]);
  std::vector<float>& bias = reals(graph, norm.inputs[2]);
  const double eps = std::get<float>(norm.attributes.front().value);
  const size_t filter = w.size() / gamma.size();
  for (size_t c = 0; c < gamma.size(); ++c) {
    const double slope = double(gamma[c]) / std::sqrt(double(var[c]) + eps);
    for (size_t i = c * filter; i < (c + 1) * filter; ++i) w[i] = float(w[i] * slope);
    bias[c] = float(bias[c] - mean[c] * slope);
  }
  conv.inputs.push_back(norm.inputs[2]);
  for (const size_t gone : {1, 3, 4}) graph.constants.erase(norm.inputs[gone]);
}

}  // namespace

int64_t fold_batch_norms(OnnxGraph& graph) {
  const std::map<std::string, int> count = readers(graph);
  std::vector<OnnxNode> kept;
  std::map<std::string, std::string> renamed;  // a batch norm that is gone -> its convolution
  for (OnnxNode& node : graph.nodes) {
    for (std::string& input : node.inputs)
      if (const auto found = renamed.find(input); found != renamed.end()) input = found->second;
    const auto conv = std::find_if(kept.begin(), kept.end(), [&](const OnnxNode& other) {
      return other.op == "Conv" && other.name == node.inputs.front() && other.inputs.size() == 2;
    });
    const bool own = std::all_of(node.inputs.begin(), node.inputs.end(),
                                 [&](const std::string& input) { return count.at(input) == 1; });
    if (node.op != "BatchNormalization" || conv == kept.end() || !own || count.at(conv->inputs[1]) != 1) {
      kept.push_back(std::move(node));
      continue;
    }
    fold(graph, *conv, node);
    renamed[node.name] = conv->name;
  }
  const auto folded = int64_t(renamed.size());
  graph.nodes = std::move(kept);
  return folded;
}

}  // namespace skein
