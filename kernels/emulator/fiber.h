// Fibers: stacks for CUDA threads, and the switch between them in a few instructions (swapcontext takes two system
// calls). x86-64 only.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace skein::cuda::emulator {

// Stacks of one scheduler. The scheduler runs on its caller's stack; enter() switches to a fiber, and leave() switches
// back to the scheduler. A fiber starts in the entry function, which must never return.
class Fibers {
 public:
  using Entry = void();

  explicit Fibers(Entry*);
  ~Fibers();
  Fibers(const Fibers&) = delete;

  int take();  // a fresh stack
  // Returns a stack for reuse; its contents are discarded. abandoned: some calls on it have not returned.
  void put(int id, bool abandoned);
  void enter(int id);
  void leave();  // called on a fiber: switches to the scheduler
  int current() const { return current_; }
  void arrived();  // must be the first call on a fiber

 private:
  struct Stack;
  std::vector<std::unique_ptr<Stack>> stacks_;
  std::vector<int> idle_;
  Entry* entry_;
  int current_ = -1;
  void* scheduler_ = nullptr;  // the scheduler's stack pointer
  const void* scheduler_bottom_ = nullptr;
  size_t scheduler_bytes_ = 0;
};

}  // namespace skein::cuda::emulator
