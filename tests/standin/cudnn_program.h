// A finalised plan as its own JSON tells it: tensors and operations, carried out by plain loops on host memory.
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
  std::string kind, mode;              // "CONVOLUTION_FORWARD", ...; of a pointwise operation "ADD", ...
  int64_t x = 0, w = 0, y = 0, b = 0;  // uids; gradients stand where their values stand
  int64_t stride = 1, padding = 0;
};

class Program {
 public:
  explicit Program(const std::string& plan_json);  // throws std::runtime_error at what it does not know
  const std::map<int64_t, ProgramTensor>& tensors() const { return tensors_; }
  bool writes(int64_t uid) const;
  void run(const std::map<int64_t, void*>& memory) const;  // of every tensor that is not virtual

 private:
  std::map<int64_t, ProgramTensor> tensors_;
  std::vector<ProgramOperation> operations_;
};

// One execution of a plan.
struct Job {
  std::shared_ptr<const Program> program;
  std::map<int64_t, void*> memory;
  void* workspace = nullptr;
  size_t workspace_bytes = 0;
};

// Why cuDNN could not or should not run this variant pack; empty: it can.
std::string fault_of(const Job&, const std::vector<int64_t>& uids, const std::vector<void*>& pointers);

void run_job(void* job);  // as a host function of a stream; the workspace is scribbled over before and after

}  // namespace skein::standin
