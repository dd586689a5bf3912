#include "kernels/emulator/shared_memory.h"

#include <sys/mman.h>

#include <cstdlib>

#include "kernels/emulator/sanitizer.h"

namespace skein::cuda::emulator {
namespace {
constexpr size_t kGuard = 128;  // and alignment
constexpr size_t kMapped = 4 * SharedMemory::kBytes;

char* map(void* where, size_t bytes) {
  void* memory =
      mmap(where, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | (where ? MAP_FIXED : 0), -1, 0);
  if (memory == MAP_FAILED) std::abort();
  return static_cast<char*>(memory);
}
}  // namespace

SharedMemory::SharedMemory() : memory_(map(nullptr, kMapped)) {
  arrays_.reserve(64);
  forbid(memory_, kMapped);
}

SharedMemory::~SharedMemory() {
  permit(memory_, kMapped);  // for later mappings at this address
  munmap(memory_, kMapped);
}

void SharedMemory::start_block() {
  requested_ = 0;  // before the return: a block may have had its only array refused
  if (arrays_.empty()) return;
  // A new mapping makes ThreadSanitizer forget the previous block's accesses.
  if (kRaces) map(memory_, used_);
  forbid(memory_, used_);
  arrays_.clear();
  used_ = 0;
}

void* SharedMemory::get(const void* site, size_t bytes) {
  for (const Array& array : arrays_)
    if (array.site == site) return array.memory;
  const size_t start = used_ + kGuard;
  const size_t end = (start + bytes + kGuard - 1) / kGuard * kGuard;
  requested_ += bytes;
  if (requested_ > kBytes || end + kGuard > kMapped || arrays_.size() == arrays_.capacity()) return nullptr;
  used_ = end;
  permit(memory_ + start, bytes);
  make_undefined(memory_ + start, bytes);
  arrays_.push_back({site, memory_ + start});
  return memory_ + start;
}

}  // namespace skein::cuda::emulator
