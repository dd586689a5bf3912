// The ONNX graph of a forward pass while its kernels are recorded. Kernels name memory, ONNX names values: the trace
// keeps the name of the value that was written last at each address. So memory may be reused, and a value may be
// overwritten in place, as the kernels do.
//
// Errors are BadInput: the network does something that this file cannot follow, and the message says what.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/onnx/graph.h"
#include "engine/parameters.h"

namespace skein {

class OnnxTrace {
 public:
  // The store is built, on the CPU. `images` is the memory of the network's input.
  OnnxTrace(const ParameterStore& parameters, View images);

  int64_t batch() const { return batch_; }

  // The value written last to exactly this memory, in this shape.
  const std::string& value(View memory) const;
  void write(View memory, const std::string& value);
  // A buffer (N,H,W,P) that is filled from channel 0 on, and the values that make up its first channels.
  void append(View buffer, int64_t first, View x);
  std::vector<std::string> parts(View buffer, int64_t channels) const;

  // A parameter or running statistic, in PyTorch's shape and order.
  std::string constant(View parameter);
  std::string constant(const std::string& name, std::vector<int64_t> numbers);

  // Adds a node and returns its name. A node with parameters is called after their layer, another one after the layer
  // before it: "layer1.0.bn2", "layer1.0.bn2/Relu".
  std::string node(const std::string& op, std::vector<std::string> inputs, std::vector<OnnxAttribute> attributes = {});

  // The graph, whose output is the value of `logits`, (batch, classes).
  OnnxGraph finish(View logits) &&;

 private:
  struct Stored {
    View memory;
    std::string value;               // empty: a buffer
    std::vector<std::string> parts;  // of a buffer
    std::vector<int64_t> ends;       // channel behind each part
  };
  struct Constant {
    std::string name;
    std::vector<int64_t> shape;
    View numbers;
  };
  void add_parameters(const std::vector<ParameterSpec>&, const std::vector<Segment>&, const Tensor& flat);
  Stored& overwrite(View memory);
  const Stored& stored(View memory) const;
  std::string unused(const std::string& name);

  int64_t batch_;
  OnnxGraph graph_;
  std::map<const char*, Stored> memory_;                  // by its first byte; entries do not overlap
  std::map<const void*, Constant> parameters_;            // by address
  std::map<std::string, std::string> layers_;             // layer of a constant, by its name
  std::set<std::string> names_{kOnnxInput, kOnnxOutput};  // of nodes, constants, input and output
};

}  // namespace skein
