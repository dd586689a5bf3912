#include "kernels/cuda/cudnn/engines.h"

#include <dlfcn.h>

#include <algorithm>

namespace skein::cuda {
namespace {

// Vector-valued attribute of an engine, at most `limit` values.
template <class Note>
std::vector<Note> notes(const Descriptor& engine, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                        int64_t limit) {
  std::vector<Note> all(static_cast<size_t>(limit));
  int64_t count = 0;
  CUDNN_CHECK(cudnn().get_attribute(engine.raw(), name, type, limit, &count, all.data()));
  all.resize(size_t(count));
  return all;
}

void describe(Candidate& candidate) {
  Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t raw = engine.raw();
  int64_t count = 0;
  CUDNN_CHECK(cudnn().get_attribute(candidate.configuration.raw(), CUDNN_ATTR_ENGINECFG_ENGINE,
                                    CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &raw));
  candidate.engine = engine.integer(CUDNN_ATTR_ENGINE_GLOBAL_INDEX);
  candidate.numerical = notes<cudnnBackendNumericalNote_t>(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                                           CUDNN_TYPE_NUMERICAL_NOTE, CUDNN_NUMERICAL_NOTE_TYPE_COUNT);
  candidate.behaviour = notes<cudnnBackendBehaviorNote_t>(engine, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE,
                                                          CUDNN_TYPE_BEHAVIOR_NOTE, CUDNN_BEHAVIOR_NOTE_TYPE_COUNT);
}

// Finalises a descriptor. Returns false, with the reason, if cuDNN does not support it or cannot compile its engine at
// run time. Any other failure throws.
bool accepted(Descriptor& d, std::string& reason) {
  const cudnnStatus_t status = cudnn().finalize(d.raw());
  if (status == CUDNN_STATUS_SUCCESS) return true;
  if (CUDNN_STATUS_CATEGORY(status) != CUDNN_STATUS_NOT_SUPPORTED &&
      status != CUDNN_STATUS_INTERNAL_ERROR_COMPILATION_FAILED)
    CUDNN_CHECK(status);
  reason = cudnn_reason(status);
  return false;
}

}  // namespace

Descriptor describe_device(const std::string& json) {
  Descriptor device(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  cudnnStatus_t status = cudnn().set_attribute(device.raw(), CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
                                               int64_t(json.size()), json.data());
  if (status == CUDNN_STATUS_SUCCESS) status = cudnn().finalize(device.raw());
  if (status != CUDNN_STATUS_SUCCESS)
    throw BadInput("cuDNN does not take this description of a GPU: {}", cudnn_reason(status));
  return device;
}

std::string device_json(cudnnHandle_t handle) {
  Descriptor device(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  device.set(CUDNN_ATTR_DEVICEPROP_HANDLE, handle).finalize();
  return device.json(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION);
}

bool run_time_compilation() {
  static const bool there = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL) != nullptr;
  return there;
}

bool Candidate::has(cudnnBackendNumericalNote_t note) const {
  return std::find(numerical.begin(), numerical.end(), note) != numerical.end();
}
bool Candidate::has(cudnnBackendBehaviorNote_t note) const {
  return std::find(behaviour.begin(), behaviour.end(), note) != behaviour.end();
}

std::vector<Candidate> candidates(const Descriptor& graph, const Target& target, cudnnBackendHeurMode_t mode,
                                  std::string& reason) {
  Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph)
      .set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
  if (!target.handle) heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *target.description);
  if (!accepted(heuristics, reason)) return {};
  int64_t count = 0;
  CUDNN_CHECK(cudnn().get_attribute(heuristics.raw(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0,
                                    &count, nullptr));
  std::vector<Candidate> all(static_cast<size_t>(count));
  std::vector<cudnnBackendDescriptor_t> raw;
  for (Candidate& candidate : all) {
    candidate.configuration = Descriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    raw.push_back(candidate.configuration.raw());
  }
  if (count > 0)
    CUDNN_CHECK(cudnn().get_attribute(heuristics.raw(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                      count, &count, raw.data()));
  all.resize(size_t(count));  // the first count includes engines that turn out not to work
  if (all.empty()) reason = cudnn_reason(CUDNN_STATUS_SUCCESS);
  for (Candidate& candidate : all) describe(candidate);
  return all;
}

namespace {

Descriptor plan_for(const Target& target) {
  Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  // One of the two is required: without it, finalising a plan read from JSON crashes inside cuDNN 9.19.
  if (target.handle)
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, target.handle);
  else
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *target.description);
  return plan;
}

}  // namespace

Descriptor make_plan(const Candidate& candidate, const Target& target, std::string& reason) {
  Descriptor plan = plan_for(target);
  plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, candidate.configuration);
  return accepted(plan, reason) ? std::move(plan) : Descriptor();
}

Descriptor read_plan(const std::string& json, const Target& target) {
  Descriptor plan = plan_for(target);
  cudnnStatus_t status = cudnn().set_attribute(plan.raw(), CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION,
                                               CUDNN_TYPE_CHAR, int64_t(json.size()), json.data());
  if (status == CUDNN_STATUS_SUCCESS) status = cudnn().finalize(plan.raw());
  return status == CUDNN_STATUS_SUCCESS ? std::move(plan) : Descriptor();
}

size_t workspace_of(const Descriptor& plan) { return size_t(plan.integer(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE)); }

void execute(cudnnHandle_t handle, const Descriptor& plan, std::initializer_list<Operand> operands, void* workspace) {
  std::array<int64_t, 8> uids{};
  std::array<void*, 8> pointers{};
  CHECK(operands.size() <= uids.size(), "a plan with {} operands", operands.size());
  size_t i = 0;
  for (const Operand& operand : operands) {
    CHECK(reinterpret_cast<uintptr_t>(operand.data) % kAlignment == 0 && operand.data, "operand {} lies at {}",
          operand.uid, operand.data);
    uids[i] = operand.uid;
    pointers[i++] = operand.data;
  }
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, int64_t(i), uids.data())
      .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, int64_t(i), pointers.data())
      .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace)
      .finalize();
  CUDNN_CHECK(cudnn().execute(handle, plan.raw(), pack.raw()));
}

}  // namespace skein::cuda
