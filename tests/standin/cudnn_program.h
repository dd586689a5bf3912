// Program of a finalised plan, read from its JSON: tensors and operations, executed as plain loops on host memory.
// Errors: std::runtime_error for JSON that the stand-in does not support.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace skein::standin {

using Dims = std::array<int64_t, 4>;  // N,C,H,W or K,C,R,S

struct ProgramTensor {
  Dims dims, strides;  // strides in elements
  bool bf16 = false, is_virtual = false;
  int64_t alignment = 1;
  int64_t span() const;  // elements from the first to the last
  int64_t bytes() const { return span() * (bf16 ? 2 : 4); }
};

struct ProgramOperation {
  std::string kind, mode;              // kind: "CONVOLUTION_FORWARD", ...; mode of a pointwise operation: "ADD", ...
  int64_t x = 0, w = 0, y = 0, b = 0;  // uids; dx, dw and dy take the places of x, w and y
  int64_t stride = 1, padding = 0;
};

class Program {
 public:
  explicit Program(const std::string& plan_json);  // throws std::runtime_error
  const std::map<int64_t, ProgramTensor>& tensors() const { return tensors_; }
  bool writes(int64_t uid) const;
  void run(const std::map<int64_t, void*>& memory) const;  // memory by uid, of every tensor that is not virtual

 private:
  std::map<int64_t, ProgramTensor> tensors_;
  std::vector<ProgramOperation> operations_;
};

// One execution of a plan.
struct Execution {
  std::shared_ptr<const Program> program;
  std::map<int64_t, void*> memory;
  void* workspace = nullptr;
  size_t workspace_bytes = 0;
};

// Reason why the variant pack is invalid; empty if it is valid.
std::string fault_of(const Execution&, const std::vector<int64_t>& uids, const std::vector<void*>& pointers);

// Host function of a stream: runs an Execution. The workspace is overwritten with NaN before and after.
void run_execution(void* execution);

}  // namespace skein::standin
