// Several GPUs in one process. Every thread has a current one, the first until use_device() (kernels/device/runtime.h).
// Memory, streams and events are made on the current GPU, and kernels are launched on its streams only; copies, waits
// and releases may be called with any GPU current. A copy without a stream is ordered after the work of the GPU whose
// memory it is.
#pragma once

#include "kernels/device/runtime.h"

namespace skein::cuda {

class DeviceScope {
 public:
  explicit DeviceScope(int index);  // current until the scope ends; -1: no change
  ~DeviceScope();
  DeviceScope(const DeviceScope&) = delete;

 private:
  int before_ = -1;
};

int device_of(const void* memory);     // index of the GPU whose memory it is; -1: host memory
bool can_reach(int device, int peer);  // whether the machine can let one GPU access another's memory
// True if kernels and copies of the current GPU may access the memory of GPU `peer`; enables it where the machine can.
bool reach_device(int peer);
// to = from, where each may be in the memory of any GPU. Where one cannot reach the other, CUDA stages the copy through
// pinned host memory.
void copy_between(Stream, View from, View to);

}  // namespace skein::cuda
