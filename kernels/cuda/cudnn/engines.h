// Engines, plans and their execution: the second half of the chain in kernels/cuda/cudnn/graph.h.
#pragma once

#include "kernels/cuda/cudnn/graph.h"

namespace skein::cuda {

Descriptor describe_device(const std::string& json);  // BadInput names what is missing or wrong
std::string device_json(cudnnHandle_t);               // cuDNN's description of the handle's GPU

// True if engines that are compiled at run time can be used: they need the driver's library, even for a GPU that is
// only described.
bool run_time_compilation();

// Engine with its settings, as offered by the heuristics.
struct Candidate {
  Descriptor configuration;
  int64_t engine = 0;
  std::vector<cudnnBackendNumericalNote_t> numerical;
  std::vector<cudnnBackendBehaviorNote_t> behaviour;
  bool has(cudnnBackendNumericalNote_t) const;
  bool has(cudnnBackendBehaviorNote_t) const;
};
// Candidates, best first. Empty if cuDNN has none; then `reason` says why.
std::vector<Candidate> candidates(const Descriptor& graph, const Target&, cudnnBackendHeurMode_t, std::string& reason);

// Finalised plans. An empty descriptor if cuDNN refuses the candidate (with its reason) or the JSON.
Descriptor make_plan(const Candidate&, const Target&, std::string& reason);
Descriptor read_plan(const std::string& json, const Target&);
size_t workspace_of(const Descriptor& plan);  // bytes

struct Operand {
  int64_t uid;
  void* data;
};
// Enqueues the plan on the handle's stream. Operands must be 16-byte aligned.
void execute(cudnnHandle_t, const Descriptor& plan, std::initializer_list<Operand>, void* workspace);

}  // namespace skein::cuda
