// Memory blocks of the emulated devices: memory of each device and pinned host memory, found by address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

namespace skein::cuda::emulator {

enum class MemoryKind : uint8_t { device, pinned, pageable };

class Memory {
 public:
  static constexpr size_t kDeviceBytes = size_t(8) << 30;  // of each device

  void* allocate(size_t bytes, MemoryKind, int device);  // null: out of memory; the device does not matter for pinned
  bool release(void*, MemoryKind);                       // false: no such block of this kind
  MemoryKind kind_of(const void*) const;
  int device_of(const void*) const;      // -1: not device memory
  bool may_point_at(const void*) const;  // true within a block and at its end
  // Bytes from p to the end of its block; 0 if p is in no block.
  size_t reachable(const void* p) const;

  int64_t blocks(MemoryKind) const;
  size_t device_bytes(int device) const;

 private:
  struct Block {
    size_t bytes;
    MemoryKind kind;
    int device;
  };
  using Blocks = std::map<uintptr_t, Block>;
  Blocks::const_iterator find(const void*) const;

  Blocks blocks_;
  std::map<int, size_t> device_bytes_;
};

}  // namespace skein::cuda::emulator
