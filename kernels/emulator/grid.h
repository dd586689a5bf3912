// The running grid: its threads, what each waits for, and who runs. Part of the scheduler.
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
  Place place;
  WarpOp operation{};
  unsigned mask = 0;
  uint64_t value = 0, result = 0;
  int source = 0;
  Words words{};
  void* context = nullptr;
  // Marks for ThreadSanitizer: what this thread did before its last few __syncwarp, and whose to wait for after one.
  char marks[4] = {};
  unsigned met = 0;
  signed char wait_for[kLanes] = {};
};

std::string name(Place);
const char* name(WarpOp);

class Grid {
 public:
  Grid() : fibers_(run_threads) {}

  std::string run(const std::function<void()>& body, unsigned blocks, unsigned threads, uint64_t seed);

  // Called by a running thread.
  void barrier(Place);
  uint64_t warp(WarpOp, unsigned mask, uint64_t value, int source, Place);
  const std::array<Words, kLanes>& exchange(const Words& mine, Place);
  void* shared(const void* site, size_t bytes);
  int lane() const { return current_ % int(kLanes); }

 private:
  static void run_threads();  // what a fiber does
  void run_block();
  void resume(int thread);
  bool take_fresh();
  void park(State);
  void release_barrier();
  bool may_meet(unsigned first, unsigned exist);
  bool meet(unsigned first, unsigned members);
  template <class... A>
  void note(Place place, fmt::format_string<A...> what, A&&... args) {
    fault_ = fmt::format("{}: {} (block {}, thread {})", name(place), fmt::format(what, std::forward<A>(args)...),
                         blockIdx.x, current_);
  }
  [[noreturn]] void abandon();  // the running thread and its block; nothing of its frames is destroyed
  void describe_deadlock();
  Thread& self() { return threads_[size_t(current_)]; }

  Fibers fibers_;
  SharedMemory shared_memory_;
  const std::function<void()>* body_ = nullptr;
  std::vector<Thread> threads_;
  std::vector<std::array<Words, kLanes>> exchanged_;  // of each warp
  std::vector<int> order_;
  size_t started_ = 0;
  unsigned live_ = 0, waiting_ = 0;
  int current_ = -1;
  std::string fault_;
  void* grid_context_ = nullptr;
  // Marks for ThreadSanitizer. Two for the barrier: a thread that is already at the next one must not lend its past to
  // one that is still leaving this one.
  char ended_ = 0, barrier_mark_[2] = {};
  unsigned barriers_ = 0;
};

Grid& grid();

}  // namespace skein::cuda::emulator
