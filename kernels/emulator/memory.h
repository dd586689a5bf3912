// Memory blocks of the emulated device: device memory and pinned host memory, found by address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

namespace skein::cuda::emulator {

enum class MemoryKind : uint8_t { device, pinned, pageable };

class Memory {
 public:
  static constexpr size_t kDeviceBytes = size_t(8) << 30;

  void* allocate(size_t bytes, MemoryKind);  // null: out of memory
  bool release(void*, MemoryKind);           // false: no such block of this kind
  MemoryKind kind_of(const void*) const;
  bool may_point_at(const void*) const;  // true within a block and at its end
  // Bytes from p to the end of its block; 0 if p is in no block.
  size_t reachable(const void* p) const;

  int64_t blocks(MemoryKind) const;
  size_t device_bytes() const { return device_bytes_; }

 private:
  struct Block {
    size_t bytes;
    MemoryKind kind;
  };
  using Blocks = std::map<uintptr_t, Block>;
  Blocks::const_iterator find(const void*) const;

  Blocks blocks_;
  size_t device_bytes_ = 0;
};

}  // namespace skein::cuda::emulator
