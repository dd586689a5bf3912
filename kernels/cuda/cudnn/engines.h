// Engines, plans and their execution: the second half of the chain in kernels/cuda/cudnn/graph.h.
#pragma once

#include "kernels/cuda/cudnn/graph.h"

namespace skein::cuda {

Descriptor describe_device(const std::string& json);  // BadInput names what is missing or wrong
std::string device_json(cudnnHandle_t);               // what cuDNN knows of the GPU at hand

// Engines that are compiled at run time need the driver's library, for a GPU that is only described as well.
bool run_time_compilation();

// One engine with its settings, as the heuristics offer it.
struct Candidate {
  Descriptor configuration;
  int64_t engine = 0;
  std::vector<cudnnBackendNumericalNote_t> numerical;
  std::vector<cudnnBackendBehaviorNote_t> behaviour;
  bool has(cudnnBackendNumericalNote_t) const;
  bool has(cudnnBackendBehaviorNote_t) const;
};
// Best first. Empty where cuDNN has none; `reason` says why then.
std::vector<Candidate> candidates(const Descriptor& graph, const Target&, cudnnBackendHeurMode_t, std::string& reason);

// A finalised plan; an empty descriptor where cuDNN refuses, with its reason.
Descriptor make_plan(const Candidate&, const Target&, std::string& reason);
Descriptor read_plan(const std::string& json, const Target&);
size_t workspace_of(const Descriptor& plan);

struct Operand {
  int64_t uid;
  void* data;
};
void execute(cudnnHandle_t, const Descriptor& plan, std::initializer_list<Operand>, void* workspace);

}  // namespace skein::cuda
