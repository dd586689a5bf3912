// Shared memory of the running block. Arrays start undefined (NaN), with guard zones between and behind them.
#pragma once

#include <cstddef>
#include <vector>

namespace skein::cuda::emulator {

class SharedMemory {
 public:
  static constexpr size_t kBytes = 48 << 10;  // limit for static shared memory

  SharedMemory();
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;

  void start_block();
  void* get(const void* site, size_t bytes);  // array of this declaration; null: out of memory

 private:
  struct Array {
    const void* site;
    void* memory;
  };
  char* memory_;
  size_t used_ = 0;       // bytes with guard zones
  size_t requested_ = 0;  // bytes without
  std::vector<Array> arrays_;
};

}  // namespace skein::cuda::emulator
