// Several GPUs in one process: which is current, whose memory an address is, and what one may access of another.
#include "kernels/device/peers.h"

#include <cuda_runtime_api.h>

#include "kernels/cuda/dialect/cuda_check.h"

namespace skein::cuda {

int current_device() {
  int index = 0;
  CUDA_CHECK(cudaGetDevice(&index));
  return index;
}

void use_device(int index) { CUDA_CHECK(cudaSetDevice(index)); }

DeviceScope::DeviceScope(int index) {
  if (index < 0 || index == current_device()) return;
  before_ = current_device();
  use_device(index);
}

DeviceScope::~DeviceScope() {
  if (before_ >= 0) cudaSetDevice(before_);
}

int device_of(const void* memory) {
  cudaPointerAttributes attributes{};
  CUDA_CHECK(cudaPointerGetAttributes(&attributes, memory));
  return attributes.type == cudaMemoryTypeDevice ? attributes.device : -1;
}

bool can_reach(int device, int peer) {
  int can = 0;
  CUDA_CHECK(cudaDeviceCanAccessPeer(&can, device, peer));
  return can != 0;
}

bool reach_device(int peer) {
  const int own = current_device();
  if (peer == own) return true;
  if (!can_reach(own, peer)) return false;
  const cudaError_t error = cudaDeviceEnablePeerAccess(peer, 0);
  if (error != cudaErrorPeerAccessAlreadyEnabled) CUDA_CHECK(error);
  cudaGetLastError();
  return true;
}

void copy_between(Stream stream, View from, View to) {
  CHECK(from.dtype == to.dtype && from.numel() == to.numel(), "copy of {} elements into {}", from.numel(), to.numel());
  CUDA_CHECK(cudaMemcpyPeerAsync(to.data, device_of(to.data), from.data, device_of(from.data), from.bytes(), stream));
}

}  // namespace skein::cuda
