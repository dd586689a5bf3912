// Stand-in for cuDNN on machines without a GPU. The real cuDNN does everything up to the finalised plan, for a GPU that
// is described in JSON (SKEIN_STANDIN_GPU: a name or a file, default h100); a handle given to a descriptor is replaced
// by that description. Handles and cudnnBackendExecute are the stand-in's own: it checks every pointer, uid and
// workspace and then runs the plan as plain loops on the emulator's memory, in the order of the handle's stream.
#include <cuda_runtime_api.h>
#include <cudnn.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <cstring>
#include <list>
#include <mutex>
#include <set>

#include "apps/plan/gpu_model.h"
#include "tests/standin/cudnn_program.h"
#include "tests/standin/device_check.h"
#include "tests/standin/fault.h"

struct cudnnContext {
  int device = 0;
  cudaStream_t stream = nullptr;
};

namespace {

using namespace skein::standin;

struct Real {
  void* library = nullptr;
  Real() {
    if (const char* driver = std::getenv("SKEIN_STANDIN_DRIVER")) dlopen(driver, RTLD_NOW | RTLD_GLOBAL);
    for (const char* path : {"libcudnn.so.9", "/usr/local/cuda/lib64/libcudnn.so.9"})
      if (!library) library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  }
  template <class F>
  F* find(const char* name, F*) const {
    return library ? reinterpret_cast<F*>(dlsym(library, name)) : nullptr;
  }
};
const Real& real() {
  static const Real* const one = new Real;
  return *one;
}

// Function of the real library: REAL(cudnnBackendFinalize)(d).
#define REAL(name)                                           \
  ([]() {                                                    \
    static auto* const function = real().find(#name, &name); \
    return function;                                         \
  }())

// Facts about a live descriptor.
struct DescriptorInfo {
  cudnnBackendDescriptorType_t type{};
  bool has_target = false, finalized = false;  // target: a handle or a description
  cudnnBackendDescriptor_t graph = nullptr;    // heuristics: their graph
  std::vector<int64_t> uids;                   // variant pack, which cannot be read back from cuDNN
  std::vector<void*> pointers;
  void* workspace = nullptr;
};

std::mutex mutex;
std::map<cudnnBackendDescriptor_t, DescriptorInfo> known;
std::set<cudnnHandle_t> live_handles;
thread_local std::string last_failure;  // message about this thread's last refusal

cudnnStatus_t refuse(std::string why, cudnnStatus_t status = CUDNN_STATUS_BAD_PARAM) {
  last_failure = "cuDNN stand-in: " + why;
  return status;
}

cudnnStatus_t planted() { return refuse("this call was to fail", CUDNN_STATUS_INTERNAL_ERROR); }

const std::string& gpu_json() {
  static const std::string* const json = [] {
    const char* name = std::getenv("SKEIN_STANDIN_GPU");
    return new std::string(skein::find_gpu(name ? name : "h100").json);
  }();
  return *json;
}

cudnnBackendDescriptor_t description() {
  static const cudnnBackendDescriptor_t one = [] {
    cudnnBackendDescriptor_t d = nullptr;
    const std::string& json = gpu_json();
    if (REAL(cudnnBackendCreateDescriptor)(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &d) != CUDNN_STATUS_SUCCESS ||
        REAL(cudnnBackendSetAttribute)(d, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
                                       int64_t(json.size()), json.data()) != CUDNN_STATUS_SUCCESS ||
        REAL(cudnnBackendFinalize)(d) != CUDNN_STATUS_SUCCESS)
      std::abort();
    return d;
  }();
  return one;
}

cudnnStatus_t set_description(cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name) {
  const cudnnBackendDescriptor_t raw = description();
  return REAL(cudnnBackendSetAttribute)(d, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &raw);
}

// Sets a handle attribute: passes the GPU's description to the real library, which has no handle.
cudnnStatus_t set_handle(cudnnBackendDescriptor_t d, DescriptorInfo& k, cudnnBackendAttributeName_t name,
                         cudnnHandle_t handle) {
  if (!live_handles.contains(handle)) return refuse("a handle that was destroyed, or never made");
  k.has_target = true;
  if (name == CUDNN_ATTR_OPERATIONGRAPH_HANDLE) return CUDNN_STATUS_SUCCESS;
  if (name == CUDNN_ATTR_EXECUTION_PLAN_HANDLE) return set_description(d, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP);
  if (name == CUDNN_ATTR_DEVICEPROP_HANDLE)
    return REAL(cudnnBackendSetAttribute)(d, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
                                          int64_t(gpu_json().size()), gpu_json().data());
  return refuse(fmt::format("a handle as attribute {}", int(name)));
}

template <class T>
std::vector<T> values_of(const void* values, int64_t count) {
  const T* first = static_cast<const T*>(values);
  return {first, first + count};
}

void note(DescriptorInfo& k, cudnnBackendAttributeName_t name, int64_t count, const void* values) {
  if (name == CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP || name == CUDNN_ATTR_ENGINEHEUR_DEVICEPROP) k.has_target = true;
  if (name == CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH) k.graph = *static_cast<const cudnnBackendDescriptor_t*>(values);
  if (name == CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS) k.uids = values_of<int64_t>(values, count);
  if (name == CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS) k.pointers = values_of<void*>(values, count);
  if (name == CUDNN_ATTR_VARIANT_PACK_WORKSPACE) k.workspace = *static_cast<void* const*>(values);
}

std::shared_ptr<const Program> program_of(cudnnBackendDescriptor_t plan) {
  static auto* const programs = new std::map<std::string, std::shared_ptr<const Program>>;
  int64_t size = 0;
  REAL(cudnnBackendGetAttribute)
  (plan, CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, 0, &size, nullptr);
  std::string json(size_t(size), '\0');
  REAL(cudnnBackendGetAttribute)
  (plan, CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, size, &size, json.data());
  while (json.ends_with('\0')) json.pop_back();
  auto& program = (*programs)[json];
  if (!program) program = std::make_shared<const Program>(json);
  return program;
}

}  // namespace

extern "C" const skein::Standin* skein_standin() { return &table; }

size_t cudnnGetVersion() {
  return real().library ? REAL(cudnnGetVersion)() : 0;
}  // 0: there is no cuDNN to stand in for

const char* cudnnGetErrorString(cudnnStatus_t status) { return REAL(cudnnGetErrorString)(status); }

void cudnnGetLastErrorString(char* message, size_t size) {
  if (last_failure.empty()) return REAL(cudnnGetLastErrorString)(message, size);
  message[last_failure.copy(message, size - 1)] = '\0';
  last_failure.clear();
}

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  if (planted_fault()) return planted();
  const std::lock_guard lock(mutex);
  *handle = new cudnnContext{current_device()};
  live_handles.insert(*handle);
  ++handles;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  const std::lock_guard lock(mutex);
  if (!live_handles.erase(handle)) return refuse("a handle is destroyed twice");
  --handles;
  delete handle;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  if (planted_fault()) return planted();
  const std::lock_guard lock(mutex);
  if (!live_handles.contains(handle)) return refuse("a handle that was destroyed, or never made");
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t* d) {
  if (planted_fault()) return planted();
  const cudnnStatus_t status = REAL(cudnnBackendCreateDescriptor)(type, d);
  if (status != CUDNN_STATUS_SUCCESS) return status;
  const std::lock_guard lock(mutex);
  known[*d].type = type;
  ++descriptors;
  return status;
}

cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t d) {
  {
    const std::lock_guard lock(mutex);
    if (!known.erase(d)) return refuse("a descriptor is destroyed twice");
    --descriptors;
  }
  return REAL(cudnnBackendDestroyDescriptor)(d);
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t count, const void* values) {
  if (planted_fault()) return planted();
  {
    const std::lock_guard lock(mutex);
    const auto found = known.find(d);
    if (found == known.end()) return refuse("a descriptor that was destroyed, or never made");
    if (type == CUDNN_TYPE_HANDLE)
      return set_handle(d, found->second, name, *static_cast<const cudnnHandle_t*>(values));
    note(found->second, name, count, values);
  }
  return REAL(cudnnBackendSetAttribute)(d, name, type, count, values);
}

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t room, int64_t* count, void* values) {
  if (planted_fault()) return planted();
  return REAL(cudnnBackendGetAttribute)(d, name, type, room, count, values);
}

cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t d) {
  if (planted_fault()) return planted();
  {
    const std::lock_guard lock(mutex);
    DescriptorInfo& k = known.at(d);
    if (k.type == CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR && !k.has_target) {
      if (!known.at(k.graph).has_target) return refuse("heuristics with neither handle nor description");
      if (const cudnnStatus_t status = set_description(d, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP)) return status;
    }
    if (k.type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR && !k.has_target)
      return refuse("a plan with neither handle nor description");  // the real library may crash
  }
  const cudnnStatus_t status = REAL(cudnnBackendFinalize)(d);
  const std::lock_guard lock(mutex);
  known.at(d).finalized = status == CUDNN_STATUS_SUCCESS;
  return status;
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan, cudnnBackendDescriptor_t pack) {
  if (planted_fault()) return planted();
  static auto* const all_executions = new std::list<Execution>;
  Execution* execution = nullptr;
  cudaStream_t stream = nullptr;
  {
    const std::lock_guard lock(mutex);
    if (!live_handles.contains(handle)) return refuse("a handle that was destroyed, or never made");
    if (!known.contains(plan) || !known[plan].finalized || !known.contains(pack) || !known[pack].finalized)
      return refuse("a plan or a variant pack that is not finalised");
    const DescriptorInfo& operands = known[pack];
    int64_t bytes = 0, count = 0;
    REAL(cudnnBackendGetAttribute)(plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &count, &bytes);
    try {
      execution = &all_executions->emplace_back(Execution{program_of(plan), {}, operands.workspace, size_t(bytes)});
    } catch (const std::exception& e) {
      return refuse(e.what(), CUDNN_STATUS_NOT_SUPPORTED);
    }
    for (size_t i = 0; i < operands.uids.size() && i < operands.pointers.size(); ++i)
      execution->memory[operands.uids[i]] = operands.pointers[i];
    if (const std::string fault = fault_of(*execution, operands.uids, operands.pointers); !fault.empty())
      return refuse(fault);
    for (const void* p : operands.pointers)
      if (const char* why = misplaced(handle->device, {p, operands.workspace})) return refuse(why);
    stream = handle->stream;
  }
  ++executions;
  if (cudaLaunchHostFunc(stream, run_execution, execution) != cudaSuccess)
    return refuse("cudaLaunchHostFunc failed", CUDNN_STATUS_EXECUTION_FAILED_CUDART);
  return CUDNN_STATUS_SUCCESS;
}
