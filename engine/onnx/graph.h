// A graph of ONNX operators (https://onnx.ai/onnx/repo-docs/IR.html) and its file: IR version 8, operator set 17. The
// numbers of fields and types are those of onnx.proto3, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3.
//
// Images are (N,C,H,W) and weights (out, in, kh, kw) there. The first dimension of inputs and outputs is "batch", any
// number of images.
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

namespace skein {

constexpr int64_t kOnnxOperatorSet = 17;
constexpr const char kOnnxInput[] = "images", kOnnxOutput[] = "logits";

// A constant: weights (float) or what an operator is told by an input (int64).
struct OnnxTensor {
  std::vector<int64_t> dims;
  std::variant<std::vector<float>, std::vector<int64_t>> numbers;
};

struct OnnxAttribute {
  std::string name;
  std::variant<int64_t, float, std::vector<int64_t>> value;
};

struct OnnxNode {
  std::string op;                   // "Conv"
  std::vector<std::string> inputs;  // names of constants, of the graph's input, or of nodes
  std::vector<OnnxAttribute> attributes;
  std::string name;      // also of the value that it computes
  std::string doc = {};  // for people; empty: none
};

// Input or output of the graph, float.
struct OnnxPort {
  std::string name;
  std::vector<int64_t> dims;  // of one image
};

struct OnnxGraph {
  std::string name;
  OnnxPort input, output;
  std::map<std::string, OnnxTensor> constants;
  std::vector<OnnxNode> nodes;  // each after those that it reads

  int64_t count(const std::string& op) const;  // nodes of this kind
};

// The bytes of the file. BadInput above 2 GiB, the limit of the format.
std::string to_onnx_file(const OnnxGraph& graph, const std::map<std::string, std::string>& metadata);

}  // namespace skein
