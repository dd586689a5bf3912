// Scratch memory of a CPU kernel: one block per thread and purpose, kept between calls and grown only when a larger
// one is asked for, so that a steady step allocates nothing.
#pragma once

#include <memory>

#include "kernels/runtime.h"

namespace skein::cpu {

class Workspace {
 public:
  void* bytes(size_t size) {
    if (size > size_) {
      memory_.reset();
      memory_ = {allocate(size), release};
      size_ = size;
    }
    return memory_.get();
  }
  template <class T>
  T* take(int64_t count) {
    return static_cast<T*>(bytes(size_t(count) * sizeof(T)));
  }

 private:
  std::unique_ptr<void, Release*> memory_{nullptr, release};
  size_t size_ = 0;
};

}  // namespace skein::cpu
