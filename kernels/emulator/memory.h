// What the emulated device can reach: its own memory and pinned host memory, by address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

namespace skein::cuda::emulator {

enum class Where : uint8_t { device, pinned, elsewhere };

class Memory {
 public:
  static constexpr size_t kDeviceBytes = size_t(8) << 30;

  void* take(size_t bytes, Where);  // null when there is no room
  bool give_back(void*, Where);     // false: not such a block
  Where where(const void*) const;
  bool may_point_at(const void*) const;  // the end of a block as well: an empty rest
  // Bytes from p to the end of its block; 0 where there is none.
  size_t reachable(const void* p) const;

  int64_t blocks(Where) const;
  size_t device_bytes() const { return device_bytes_; }

 private:
  struct Block {
    size_t bytes;
    Where where;
  };
  using Blocks = std::map<uintptr_t, Block>;
  Blocks::const_iterator find(const void*) const;

  Blocks blocks_;
  size_t device_bytes_ = 0;
};

}  // namespace skein::cuda::emulator
