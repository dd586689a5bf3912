// The running grid: its threads, the state of each and the scheduling between them. Part of the scheduler.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <string>
#include <vector>

#include "kernels/emulator/device.h"
#include "kernels/emulator/fiber.h"
#include "kernels/emulator/shared_memory.h"

namespace skein::cuda::emulator {

constexpr unsigned kLanes = 32;

enum class State : uint8_t { fresh, ready, at_barrier, at_warp, done };

struct Thread {
  State state = State::fresh;
  int fiber = -1;
  SourceLine at;
  WarpOp operation{};
  unsigned mask = 0;
  uint64_t value = 0, result = 0;
  int source = 0;
  Words words{};
  void* context = nullptr;
  // Synchronisation marks for ThreadSanitizer: one per recent __syncwarp of this thread, and which mark of each other
  // lane to acquire after one.
  char marks[4] = {};
  unsigned operations = 0;
  signed char wait_for[kLanes] = {};
};

std::string name(SourceLine);
const char* name(WarpOp);

class Grid {
 public:
  Grid() : fibers_(run_threads) {}

  // Runs a grid; returns the fault, or "".
  std::string run(const std::function<void()>& body, unsigned blocks, unsigned threads, uint64_t seed);

  // Called by a running thread.
  void barrier(SourceLine);
  uint64_t warp(WarpOp, unsigned mask, uint64_t value, int source, SourceLine);
  const std::array<Words, kLanes>& exchange(const Words& own, SourceLine);
  void* shared(const void* site, size_t bytes);
  int lane() const { return current_ % int(kLanes); }

 private:
  static void run_threads();  // entry function of a fiber
  void run_block();
  void resume(int thread);
  bool take_fresh();
  void park(State);
  void release_barrier();
  bool check_operation(unsigned first, unsigned exist);
  bool complete_operation(unsigned first, unsigned members);
  template <class... A>
  void note(SourceLine at, fmt::format_string<A...> what, A&&... args) {
    fault_ = fmt::format("{}: {} (block {}, thread {})", name(at), fmt::format(what, std::forward<A>(args)...),
                         blockIdx.x, current_);
  }
  [[noreturn]] void abandon();  // the running thread and its block, without destroying their frames
  void describe_deadlock();
  Thread& self() { return threads_[size_t(current_)]; }

  Fibers fibers_;
  SharedMemory shared_memory_;
  const std::function<void()>* body_ = nullptr;
  std::vector<Thread> threads_;
  std::vector<std::array<Words, kLanes>> exchanged_;  // by warp
  std::vector<int> order_;
  size_t started_ = 0;
  unsigned live_ = 0, waiting_ = 0;
  int current_ = -1;
  std::string fault_;
  void* grid_context_ = nullptr;
  // Synchronisation marks for ThreadSanitizer. The barrier has two, used in turn: a thread that has reached the next
  // barrier must not synchronise with one that is still leaving this barrier.
  char ended_ = 0, barrier_mark_[2] = {};
  unsigned barriers_ = 0;
};

Grid& grid();

}  // namespace skein::cuda::emulator
