#include "kernels/device/device_info.h"

#include "base/formats/json.h"
#include "kernels/cuda/dialect/cuda_check.h"

namespace skein::cuda {
namespace {

int attribute_of(int device, cudaDeviceAttr attribute) {
  int number = 0;
  CUDA_CHECK(cudaDeviceGetAttribute(&number, attribute, device));
  return number;
}

}  // namespace

size_t memory_in_use() {
  size_t free = 0, total = 0;
  CUDA_CHECK(cudaMemGetInfo(&free, &total));
  return total - free;
}

size_t l2_bytes() {
  int device = 0;
  CUDA_CHECK(cudaGetDevice(&device));
  return size_t(attribute_of(device, cudaDevAttrL2CacheSize));
}

// Description of a GPU as JSON with the 23 keys that cuDNN's device properties use.
std::string describe_device(int index) {
  const auto value = [index](cudaDeviceAttr attribute) { return attribute_of(index, attribute); };
  cudaDeviceProp p{};
  CUDA_CHECK(cudaGetDeviceProperties(&p, index));
  int driver = 0;
  CUDA_CHECK(cudaDriverGetVersion(&driver));
  const Json keys = {
      {"deviceVer", p.major * 100 + p.minor * 10},
      {"multiProcessorCount", value(cudaDevAttrMultiProcessorCount)},
      {"warpSize", value(cudaDevAttrWarpSize)},
      {"maxSharedMemoryPerBlock", value(cudaDevAttrMaxSharedMemoryPerBlock)},
      {"maxSharedMemoryPerBlockOptin", value(cudaDevAttrMaxSharedMemoryPerBlockOptin)},
      {"reservedSharedMemoryPerBlock", value(cudaDevAttrReservedSharedMemoryPerBlock)},
      {"maxRegistersPerSM", value(cudaDevAttrMaxRegistersPerMultiprocessor)},
      {"maxCtasPerSM", value(cudaDevAttrMaxBlocksPerMultiprocessor)},
      {"maxThreadsPerBlock", value(cudaDevAttrMaxThreadsPerBlock)},
      {"maxThreadsPerSM", value(cudaDevAttrMaxThreadsPerMultiProcessor)},
      {"regsPerBlock", value(cudaDevAttrMaxRegistersPerBlock)},
      {"totalGlobalMem", p.totalGlobalMem},
      {"smClockRateKHz", value(cudaDevAttrClockRate)},
      {"memClockRateKHz", value(cudaDevAttrMemoryClockRate)},
      {"l2CacheSize", value(cudaDevAttrL2CacheSize)},
      {"maxBlockSize",
       Json::array({value(cudaDevAttrMaxBlockDimX), value(cudaDevAttrMaxBlockDimY), value(cudaDevAttrMaxBlockDimZ)})},
      {"maxGridSize",
       Json::array({value(cudaDevAttrMaxGridDimX), value(cudaDevAttrMaxGridDimY), value(cudaDevAttrMaxGridDimZ)})},
      {"supportCoopLaunch", value(cudaDevAttrCooperativeLaunch)},
      {"pciDeviceId", value(cudaDevAttrPciDeviceId)},
      {"isTccDriver", value(cudaDevAttrTccDriver)},
      {"cudaDeviceId", index},
      {"driverVer", driver},
      {"deviceName", p.name}};
  return keys.dump();
}

}  // namespace skein::cuda
