// Emulated CUDA runtime: devices. They are equal and have few multiprocessors, so that grids sized by them stay small;
// set_multiprocessors() gives one another number.
#include <cstring>
#include <map>

#include "kernels/emulator/state.h"

using namespace skein::cuda::emulator;

namespace {

constexpr int kMultiprocessors = 3;
constexpr int kVersion = CUDART_VERSION;

int multiprocessors(int device) {
  const auto own = state().multiprocessors.find(device);
  return own == state().multiprocessors.end() ? kMultiprocessors : own->second;
}

cudaError_t check_device(int device) {
  if (device >= 0 && device < state().devices) return cudaSuccess;
  return refuse(cudaErrorInvalidDevice, "device {} of {}", device, state().devices);
}

const std::map<cudaDeviceAttr, int>& attributes() {
  static const std::map<cudaDeviceAttr, int> all = {
      {cudaDevAttrMaxThreadsPerBlock, 1024},
      {cudaDevAttrMaxBlockDimX, 1024},
      {cudaDevAttrMaxBlockDimY, 1024},
      {cudaDevAttrMaxBlockDimZ, 64},
      {cudaDevAttrMaxGridDimX, 2147483647},
      {cudaDevAttrMaxGridDimY, 65535},
      {cudaDevAttrMaxGridDimZ, 65535},
      {cudaDevAttrMaxSharedMemoryPerBlock, 48 << 10},
      {cudaDevAttrMaxSharedMemoryPerBlockOptin, 227 << 10},
      {cudaDevAttrMaxSharedMemoryPerMultiprocessor, 228 << 10},
      {cudaDevAttrReservedSharedMemoryPerBlock, 1 << 10},
      {cudaDevAttrWarpSize, 32},
      {cudaDevAttrMaxRegistersPerBlock, 65536},
      {cudaDevAttrMaxRegistersPerMultiprocessor, 65536},
      {cudaDevAttrClockRate, 1000000},
      {cudaDevAttrMemoryClockRate, 1000000},
      {cudaDevAttrGlobalMemoryBusWidth, 512},
      {cudaDevAttrL2CacheSize, 64 << 10},
      {cudaDevAttrMaxThreadsPerMultiProcessor, 2048},
      {cudaDevAttrMaxBlocksPerMultiprocessor, 32},
      {cudaDevAttrComputeCapabilityMajor, 9},
      {cudaDevAttrComputeCapabilityMinor, 0},
      {cudaDevAttrAsyncEngineCount, 2},
      {cudaDevAttrConcurrentKernels, 1},
      {cudaDevAttrUnifiedAddressing, 1},
      {cudaDevAttrCooperativeLaunch, 1},
      {cudaDevAttrTccDriver, 0},
  };
  return all;
}

}  // namespace

cudaError_t cudaDriverGetVersion(int* version) {
  return call("cudaDriverGetVersion", CallKind::query, [&] {
    *version = state().devices > 0 ? kVersion : 0;
    return cudaSuccess;
  });
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  return call("cudaRuntimeGetVersion", CallKind::query, [&] {
    *version = kVersion;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDeviceCount(int* count) {
  return call("cudaGetDeviceCount", [&] {
    *count = state().devices;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDevice(int* device) {
  return call("cudaGetDevice", [&] {
    *device = current_device();
    return cudaSuccess;
  });
}

cudaError_t cudaSetDevice(int device) {
  return call("cudaSetDevice", [&] {
    const cudaError_t error = check_device(device);
    if (error == cudaSuccess) current_device() = device;
    return error;
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return call("cudaDeviceGetAttribute", [&] {
    if (const cudaError_t error = check_device(device); error != cudaSuccess) return error;
    if (attribute == cudaDevAttrMultiProcessorCount) return *value = multiprocessors(device), cudaSuccess;
    if (attribute == cudaDevAttrPciDeviceId) return *value = device, cudaSuccess;
    const auto found = attributes().find(attribute);
    if (found == attributes().end())
      return refuse(cudaErrorInvalidValue, "the emulated device lacks attribute {}", int(attribute));
    *value = found->second;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int device) {
  return call("cudaGetDeviceProperties", [&] {
    if (const cudaError_t error = check_device(device); error != cudaSuccess) return error;
    *p = {};
    std::strcpy(p->name, "emulated GPU");
    p->totalGlobalMem = Memory::kDeviceBytes;
    p->sharedMemPerBlock = size_t(attributes().at(cudaDevAttrMaxSharedMemoryPerBlock));
    p->sharedMemPerBlockOptin = size_t(attributes().at(cudaDevAttrMaxSharedMemoryPerBlockOptin));
    p->sharedMemPerMultiprocessor = size_t(attributes().at(cudaDevAttrMaxSharedMemoryPerMultiprocessor));
    p->regsPerBlock = attributes().at(cudaDevAttrMaxRegistersPerBlock);
    p->regsPerMultiprocessor = attributes().at(cudaDevAttrMaxRegistersPerMultiprocessor);
    p->warpSize = attributes().at(cudaDevAttrWarpSize);
    p->maxThreadsPerBlock = attributes().at(cudaDevAttrMaxThreadsPerBlock);
    p->maxThreadsPerMultiProcessor = attributes().at(cudaDevAttrMaxThreadsPerMultiProcessor);
    p->maxBlocksPerMultiProcessor = attributes().at(cudaDevAttrMaxBlocksPerMultiprocessor);
    p->major = attributes().at(cudaDevAttrComputeCapabilityMajor);
    p->minor = attributes().at(cudaDevAttrComputeCapabilityMinor);
    p->multiProcessorCount = multiprocessors(device);
    p->memoryBusWidth = attributes().at(cudaDevAttrGlobalMemoryBusWidth);
    p->l2CacheSize = attributes().at(cudaDevAttrL2CacheSize);
    p->unifiedAddressing = 1;
    return cudaSuccess;
  });
}

cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int) {
  return call("cudaFuncSetAttribute", [] { return cudaSuccess; });
}
