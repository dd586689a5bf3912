// Scratch memory of a CPU kernel: one block, 64-byte aligned, that grows on demand and is kept between calls, so that
// steps allocate nothing after the first. Declare it thread_local, one per purpose. Contents are undefined.
#pragma once

#include <memory>

#include "kernels/device/runtime.h"

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
