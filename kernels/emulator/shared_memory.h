// The shared memory of the running block. What a block finds there is undefined, and between and behind the arrays lies
// memory that must not be touched.
#pragma once

#include <cstddef>
#include <vector>

namespace skein::cuda::emulator {

class SharedMemory {
 public:
  static constexpr size_t kBytes = 48 << 10;  // what a kernel can have without asking for more

  SharedMemory();
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;

  void start_block();
  void* get(const void* site, size_t bytes);  // the array of this declaration, or null when there is no room for it

 private:
  struct Array {
    const void* site;
    void* memory;
  };
  char* memory_;
  size_t used_ = 0;   // with the guards
  size_t asked_ = 0;  // without
  std::vector<Array> arrays_;
};

}  // namespace skein::cuda::emulator
