#include "kernels/emulator/memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "kernels/emulator/sanitizer.h"

namespace skein::cuda::emulator {
namespace {
constexpr size_t kAlignment = 256;  // cudaMalloc's
}

void* Memory::allocate(size_t bytes, MemoryKind kind, int device) {
  void* p = nullptr;
  if (kind == MemoryKind::device && bytes > kDeviceBytes - device_bytes(device)) return nullptr;
  if (posix_memalign(&p, kAlignment, bytes) != 0) return nullptr;
  make_undefined(p, bytes);
  blocks_[reinterpret_cast<uintptr_t>(p)] = {bytes, kind, device};
  if (kind == MemoryKind::device) device_bytes_[device] += bytes;
  return p;
}

bool Memory::release(void* p, MemoryKind kind) {
  const auto block = blocks_.find(reinterpret_cast<uintptr_t>(p));
  if (block == blocks_.end() || block->second.kind != kind) return false;
  if (kind == MemoryKind::device) device_bytes_[block->second.device] -= block->second.bytes;
  std::memset(p, 0xdb, block->second.bytes);
  blocks_.erase(block);
  std::free(p);
  return true;
}

Memory::Blocks::const_iterator Memory::find(const void* p) const {
  const auto address = reinterpret_cast<uintptr_t>(p);
  auto block = blocks_.upper_bound(address);
  if (block == blocks_.begin()) return blocks_.end();
  --block;
  return address < block->first + block->second.bytes ? block : blocks_.end();
}

bool Memory::may_point_at(const void* p) const {
  return find(p) != blocks_.end() || find(static_cast<const char*>(p) - 1) != blocks_.end();
}

MemoryKind Memory::kind_of(const void* p) const {
  const auto block = find(p);
  return block == blocks_.end() ? MemoryKind::pageable : block->second.kind;
}

int Memory::device_of(const void* p) const {
  const auto block = find(p);
  return block != blocks_.end() && block->second.kind == MemoryKind::device ? block->second.device : -1;
}

size_t Memory::device_bytes(int device) const {
  const auto known = device_bytes_.find(device);
  return known == device_bytes_.end() ? 0 : known->second;
}

size_t Memory::reachable(const void* p) const {
  const auto block = find(p);
  return block == blocks_.end() ? 0 : block->first + block->second.bytes - reinterpret_cast<uintptr_t>(p);
}

int64_t Memory::blocks(MemoryKind kind) const {
  return std::count_if(blocks_.begin(), blocks_.end(), [&](const auto& b) { return b.second.kind == kind; });
}

}  // namespace skein::cuda::emulator
