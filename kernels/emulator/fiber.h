// Stacks to run CUDA threads on, and the way between them: a few instructions, where swapcontext is two system calls.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace skein::cuda::emulator {

// The stacks of one scheduler. The scheduler runs on the stack that it was called on; enter() goes to a fiber, which
// comes back with leave(). A fiber starts in the function given here, which must never return.
class Fibers {
 public:
  using Entry = void();

  explicit Fibers(Entry*);
  ~Fibers();
  Fibers(const Fibers&) = delete;

  int take();  // a fresh stack
  // Its stack may be used again; what is on it is forgotten. abandoned: the entry's calls have not all returned.
  void put(int id, bool abandoned);
  void enter(int id);
  void leave();  // called on a fiber: back to the scheduler
  int current() const { return current_; }
  void arrived();  // the first thing that a fiber calls

 private:
  struct Stack;
  std::vector<std::unique_ptr<Stack>> stacks_;
  std::vector<int> idle_;
  Entry* entry_;
  int current_ = -1;
  void* scheduler_ = nullptr;  // its stack pointer
  const void* scheduler_bottom_ = nullptr;
  size_t scheduler_bytes_ = 0;
};

}  // namespace skein::cuda::emulator
