// Emulated CUDA runtime: memory and copies. A copy from pinned memory reads it when the stream reaches the copy; a copy
// from pageable memory reads it during the call; a copy to pageable memory waits for the stream, as in CUDA.
#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/emulator/sanitizer.h"
#include "kernels/emulator/state.h"

using namespace skein::cuda::emulator;

namespace {

cudaError_t allocate_memory(const char* name, void** p, size_t bytes, MemoryKind kind) {
  return call(name, [&] {
    if (const cudaError_t error = refuse_while_capturing(name); error != cudaSuccess) return error;
    *p = state().memory.allocate(bytes, kind, current_device());
    if (!*p) return cudaErrorMemoryAllocation;
    ++state().counts.allocations;
    return cudaSuccess;
  });
}

cudaError_t release_memory(const char* name, void* p, MemoryKind kind) {
  return call(name, CallKind::release, [&] {
    const cudaError_t error = refuse_while_capturing(name);
    if (!p || state().memory.release(p, kind)) return error;
    return refuse(cudaErrorInvalidValue, "{} of memory that is not alive, or not of this kind", name);
  });
}

const char* name(MemoryKind kind) {
  return kind == MemoryKind::device   ? "device memory"
         : kind == MemoryKind::pinned ? "pinned memory"
                                      : "ordinary host memory";
}

// Checks that a copy or memset stays within one allocated block of device memory.
bool fits(const char* what, const void* p, size_t bytes) {
  const Memory& memory = state().memory;
  if (memory.kind_of(p) == MemoryKind::device && memory.reachable(p) >= bytes) return true;
  refuse(cudaErrorInvalidValue, "{} {} bytes of {}, where the block has {} left", what, bytes, name(memory.kind_of(p)),
         memory.reachable(p));
  return false;
}

// Sets a fault if memory was freed before the stream reached this work.
void check_allocated(const char* what, const void* p, size_t bytes) {
  if (state().memory.reachable(p) < bytes)
    set_fault(cudaErrorIllegalAddress, fmt::format("{} memory that was freed before the stream got there", what));
}

// Sets a fault if work of the device may not access the memory.
void check_access(const char* what, const void* p, int device) {
  std::string why;
  if (!may_access(device, p, why)) set_fault(cudaErrorIllegalAddress, fmt::format("{} {}", what, why));
}

struct Copy {
  void* to;
  const void* from;
  size_t bytes;
  bool to_device, from_device;
  int device;         // of the stream
  bool peer = false;  // cudaMemcpyPeer, which needs no access

  void run() const {
    if (to_device) check_allocated("a copy to", to, bytes);
    if (from_device) check_allocated("a copy from", from, bytes);
    if (!peer) check_access("a copy to", to, device);
    if (!peer) check_access("a copy from", from, device);
    const WatchedAccesses watched;
    if (state().fault.empty()) std::memcpy(to, from, bytes);
  }
};

cudaError_t check(const Copy& c, cudaMemcpyKind kind) {
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (kind == cudaMemcpyHostToHost) return refuse(cudaErrorInvalidMemcpyDirection, "a copy from host to host");
  if (kind != cudaMemcpyDefault && (to_device != c.to_device || from_device != c.from_device))
    return refuse(cudaErrorInvalidValue, "a copy from {} to {}, which its direction contradicts",
                  name(state().memory.kind_of(c.from)), name(state().memory.kind_of(c.to)));
  if (c.to_device && !fits("a copy writes", c.to, c.bytes)) return cudaErrorInvalidValue;
  if (c.from_device && !fits("a copy reads", c.from, c.bytes)) return cudaErrorInvalidValue;
  return cudaSuccess;
}

cudaError_t copy(const char* name, void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  if (bytes == 0) return cudaSuccess;
  CUstream_st* const s = find_stream(stream);
  if (!s) return cudaErrorInvalidResourceHandle;
  const Memory& memory = state().memory;
  const Copy c{
      to, from, bytes, memory.kind_of(to) == MemoryKind::device, memory.kind_of(from) == MemoryKind::device, s->device};
  if (const cudaError_t error = check(c, kind); error != cudaSuccess) return error;
  const bool pageable_to = memory.kind_of(to) == MemoryKind::pageable,
             pageable_from = memory.kind_of(from) == MemoryKind::pageable;
  if (s->capture && (pageable_to || pageable_from)) return invalidate(*s->capture, name);
  if (pageable_from) {
    std::vector<char> staged(static_cast<const char*>(from), static_cast<const char*>(from) + bytes);
    return enqueue(*s, name, {.run = [c = Copy(c), staged = std::move(staged)]() mutable {
      c.from = staged.data();
      c.run();
    }});
  }
  const cudaError_t error = enqueue(*s, name, {.run = [c] { c.run(); }});
  return error == cudaSuccess && pageable_to ? wait_for(*s, name) : error;
}

}  // namespace

cudaError_t cudaMalloc(void** p, size_t bytes) { return allocate_memory("cudaMalloc", p, bytes, MemoryKind::device); }
cudaError_t cudaHostAlloc(void** p, size_t bytes, unsigned) {
  return allocate_memory("cudaHostAlloc", p, bytes, MemoryKind::pinned);
}
cudaError_t cudaMallocHost(void** p, size_t bytes) {
  return allocate_memory("cudaMallocHost", p, bytes, MemoryKind::pinned);
}
cudaError_t cudaFree(void* p) { return release_memory("cudaFree", p, MemoryKind::device); }
cudaError_t cudaFreeHost(void* p) { return release_memory("cudaFreeHost", p, MemoryKind::pinned); }

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  return call("cudaMemGetInfo", [&] {
    *total = Memory::kDeviceBytes;
    *free = *total - state().memory.device_bytes(current_device());
    return cudaSuccess;
  });
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* p) {
  return call("cudaPointerGetAttributes", [&] {
    const MemoryKind kind = state().memory.kind_of(p);
    *attributes = {};
    attributes->type = kind == MemoryKind::device   ? cudaMemoryTypeDevice
                       : kind == MemoryKind::pinned ? cudaMemoryTypeHost
                                                    : cudaMemoryTypeUnregistered;
    attributes->device = std::max(state().memory.device_of(p), 0);
    attributes->devicePointer = kind == MemoryKind::pageable ? nullptr : const_cast<void*>(p);
    attributes->hostPointer = kind == MemoryKind::device ? nullptr : const_cast<void*>(p);
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  return call("cudaMemcpyAsync", [&] { return copy("cudaMemcpyAsync", to, from, bytes, kind, stream); });
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  return call("cudaMemcpy", [&] {
    cudaError_t error = refuse_while_capturing("cudaMemcpy");
    if (error == cudaSuccess) error = copy("cudaMemcpy", to, from, bytes, kind, nullptr);
    return error == cudaSuccess ? wait_for(null_stream(current_device()), "cudaMemcpy") : error;
  });
}

// Between the memory of two devices, or within one; the stream may be of either.
cudaError_t cudaMemcpyPeerAsync(void* to, int to_device, const void* from, int from_device, size_t bytes,
                                cudaStream_t stream) {
  return call("cudaMemcpyPeerAsync", [&] {
    if (bytes == 0) return cudaSuccess;
    CUstream_st* const s = find_stream(stream);
    if (!s) return cudaErrorInvalidResourceHandle;
    const Copy c{to, from, bytes, true, true, s->device, true};
    if (const cudaError_t error = check(c, cudaMemcpyDeviceToDevice); error != cudaSuccess) return error;
    const Memory& memory = state().memory;
    if (memory.device_of(to) != to_device || memory.device_of(from) != from_device)
      return refuse(cudaErrorInvalidValue, "a cudaMemcpyPeer from device {} to {} of memory of devices {} and {}",
                    from_device, to_device, memory.device_of(from), memory.device_of(to));
    return enqueue(*s, "cudaMemcpyPeerAsync", {.run = [c] { c.run(); }});
  });
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  return call("cudaMemsetAsync", [&] {
    CUstream_st* const s = find_stream(stream);
    if (!s) return cudaErrorInvalidResourceHandle;
    if (bytes == 0) return cudaSuccess;
    if (!fits("a memset writes", to, bytes)) return cudaErrorInvalidValue;
    return enqueue(*s, "cudaMemsetAsync", {.run = [=, device = s->device] {
      check_allocated("a memset of", to, bytes);
      check_access("a memset of", to, device);
      const WatchedAccesses watched;
      if (state().fault.empty()) std::memset(to, value, bytes);
    }});
  });
}
