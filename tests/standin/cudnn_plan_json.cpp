// Parser of a plan's JSON into a Program.
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/standin/cudnn_program.h"

namespace skein::standin {
namespace {

using Json = nlohmann::json;

int64_t uid_of(const Json& node, const char* key) { return std::stoll(node.at(key).get<std::string>()); }

Dims four(const Json& numbers) {
  if (numbers.size() != 4) throw std::runtime_error("a tensor of " + std::to_string(numbers.size()) + " dimensions");
  return numbers.get<Dims>();
}

ProgramTensor tensor_of(const Json& t) {
  const std::string type = t.at("dataType");
  if (type != "CUDNN_DATA_FLOAT" && type != "CUDNN_DATA_BFLOAT16") throw std::runtime_error("a tensor of type " + type);
  return {four(t.at("dim")), four(t.at("stride")), type == "CUDNN_DATA_BFLOAT16", t.at("isVirtual"),
          t.at("ptrAlignment")};
}

std::string between(const std::string& text, const std::string& before, const std::string& after) {
  if (!text.starts_with(before) || !text.ends_with(after)) throw std::runtime_error("operation " + text);
  return text.substr(before.size(), text.size() - before.size() - after.size());
}

ProgramOperation convolution_of(const Json& node, const std::string& kind) {
  ProgramOperation o{kind, ""};
  const bool data = kind == "CONVOLUTION_BACKWARD_DATA", weights = kind == "CONVOLUTION_BACKWARD_FILTER";
  o.x = uid_of(node, data ? "dX" : "X");
  o.w = uid_of(node, weights ? "dW" : "W");
  o.y = uid_of(node, data || weights ? "dY" : "Y");
  o.stride = node.at("stride").at(0);
  o.padding = node.at("pad").at(0);
  if (node.at("alpha") != 1.0 || node.at("beta") != 0.0 || node.at("stride").at(1) != o.stride ||
      node.at("pad").at(1) != o.padding || node.at("dilation") != Json({1, 1}) ||
      node.at("mode") != "CUDNN_CROSS_CORRELATION")
    throw std::runtime_error("a convolution that skein does not ask for: " + node.dump());
  return o;
}

ProgramOperation operation_of(const Json& node) {
  const std::string kind = between(node.at("operation"), "CUDNN_BACKEND_OPERATION_", "_DESCRIPTOR");
  if (kind.starts_with("CONVOLUTION_")) return convolution_of(node, kind);
  if (kind != "POINTWISE") throw std::runtime_error("operation " + kind);
  ProgramOperation o{kind, between(node.at("pointwiseMode"), "CUDNN_POINTWISE_", "")};
  o.x = uid_of(node, "X");
  o.y = uid_of(node, "Y");
  if (o.mode == "ADD") o.b = uid_of(node, "B");
  return o;
}

}  // namespace

Program::Program(const std::string& plan_json) {
  const Json plan = Json::parse(plan_json);
  const Json& graph = plan.at("operationGraph");
  for (const Json& t : graph.at("tensors"))
    if (!tensors_.emplace(uid_of(t, "name"), tensor_of(t)).second) throw std::runtime_error("a uid occurs twice");
  for (const Json& node : graph.at("nodes")) {
    const ProgramOperation& o = operations_.emplace_back(operation_of(node));
    if (o.w && tensors_.at(o.x).dims[1] != tensors_.at(o.w).dims[1]) throw std::runtime_error("groups");
  }
}

}  // namespace skein::standin
