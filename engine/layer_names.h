// Names of the layers that kernels belong to, from the addresses of their operands: a kernel that is handed a
// parameter, its bf16 shadow or its gradient belongs to the parameter's layer. "layer1.0.conv1.weight" is of
// layer1.0.conv1.
#pragma once

#include <map>
#include <string>

#include "engine/parameters.h"

namespace skein {

class LayerNames {
 public:
  struct Parameter {
    std::string layer;
    int64_t count = 0;  // elements
  };

  void add(const ParameterStore&);                   // built or planned; must not be built again
  const Parameter* find(const View& operand) const;  // null: the view is not exactly one parameter

 private:
  std::map<const void*, Parameter> parameters_;  // by the address of the first element
};

// The kernel in words, for tables: its label, or its name without "forward" or "backward". "global average pool".
std::string op_label(const KernelCall&);

}  // namespace skein
