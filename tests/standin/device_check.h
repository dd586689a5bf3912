// Handles of the libraries belong to the device that is current when they are made: they are used with that one
// current, on its streams and on its memory.
#pragma once

#include <cuda_runtime_api.h>

#include <initializer_list>

namespace skein::standin {

inline int current_device() {
  int device = 0;
  cudaGetDevice(&device);
  return device;
}

// What is wrong, or null. Memory that is no device's is not looked at here.
inline const char* misplaced(int device_of_handle, std::initializer_list<const void*> memory) {
  if (current_device() != device_of_handle) return "a handle that was made on another device than the current one";
  for (const void* p : memory) {
    cudaPointerAttributes attributes{};
    if (p && cudaPointerGetAttributes(&attributes, p) == cudaSuccess && attributes.type == cudaMemoryTypeDevice &&
        attributes.device != device_of_handle)
      return "memory of another device than the handle's";
  }
  return nullptr;
}

}  // namespace skein::standin
