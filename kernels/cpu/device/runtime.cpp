#include "kernels/device/runtime.h"

#include <sys/mman.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/check.h"

namespace skein::cpu {
namespace {
constexpr size_t kCacheLine = 64, kHugePage = size_t(2) << 20;
std::atomic<int64_t> allocation_count{0};
}  // namespace

void* allocate(size_t bytes) {
  const size_t alignment = bytes >= kHugePage ? kHugePage : kCacheLine;
  void* memory = nullptr;
  if (posix_memalign(&memory, alignment, bytes) != 0) throw std::bad_alloc();
  // Huge pages, as advice only. With 4 KiB pages address translation costs a tenth of a streaming kernel's time.
  if (bytes >= kHugePage) madvise(memory, bytes, MADV_HUGEPAGE);
  ++allocation_count;
  return memory;
}

void release(void* memory) { std::free(memory); }

void copy(Stream, View from, View to) {
  CHECK(from.dtype == to.dtype && from.numel() == to.numel(), "copy of {} elements into {}", from.numel(), to.numel());
  std::memcpy(to.data, from.data, from.bytes());
}

// The data of an empty view is null, and memcpy must not be called with null.
void copy_to_host(Stream, View from, void* to) {
  if (from.bytes() > 0) std::memcpy(to, from.data, from.bytes());
}
void copy_from_host(Stream, const void* from, View to) {
  if (to.bytes() > 0) std::memcpy(to.data, from, to.bytes());
}
void zero(Stream, View to) { std::memset(to.data, 0, to.bytes()); }
void synchronize(Stream) {}
int64_t allocations() { return allocation_count; }

}  // namespace skein::cpu
