#include "kernels/emulator/scheduler.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <random>

#include "kernels/emulator/grid.h"
#include "kernels/emulator/sanitizer.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace skein::cuda::emulator {
namespace {

bool same(SourceLine a, SourceLine b) {
  return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0);
}

std::vector<int> ordered(unsigned n, uint64_t seed, std::mt19937_64& random) {
  std::vector<int> order(n);
  std::iota(order.begin(), order.end(), 0);
  if (seed == 1)
    std::reverse(order.begin(), order.end());
  else if (seed != 0)
    std::shuffle(order.begin(), order.end(), random);
  return order;
}

}  // namespace

Grid& grid() {
  static auto* one = new Grid;
  return *one;
}

std::string Grid::run(const std::function<void()>& body, unsigned blocks, unsigned threads, uint64_t seed) {
  body_ = &body;
  fault_.clear();
  gridDim = dim3(blocks);
  blockDim = dim3(threads);
  grid_context_ = current_context();
  std::mt19937_64 random(seed);
  for (const int block : ordered(blocks, seed, random)) {
    blockIdx = {unsigned(block), 0, 0};
    order_ = ordered(threads, seed, random);
    run_block();
    if (!fault_.empty()) break;
  }
  acquire(&ended_);
  return fault_;
}

void Grid::run_block() {
  threads_.assign(order_.size(), Thread{});
  started_ = 0;
  live_ = unsigned(order_.size());
  waiting_ = 0;
  shared_memory_.start_block();
  while (live_ > 0 && fault_.empty()) {
    bool progress = false;
    for (size_t i = 0; i < order_.size() && fault_.empty(); ++i) {
      const State state = threads_[size_t(order_[i])].state;
      if (state != State::ready && !(state == State::fresh && i >= started_)) continue;
      if (state == State::fresh) started_ = i + 1;
      resume(order_[i]);
      progress = true;
    }
    if (progress || live_ == 0 || !fault_.empty()) continue;
    if (waiting_ == live_)
      release_barrier();
    else
      describe_deadlock();
  }
  for (Thread& t : threads_) {
    if (t.fiber >= 0 && t.state != State::done) fibers_.put(t.fiber, true);  // after a fault
    if (t.context) destroy_context(t.context);
  }
}

void Grid::resume(int thread) {
  Thread& t = threads_[size_t(thread)];
  if (t.state == State::fresh) {
    t.fiber = fibers_.take();
    t.context = create_context();
    t.state = State::ready;
  }
  current_ = thread;
  threadIdx = {unsigned(thread), 0, 0};
  const int fiber = t.fiber;
  enter_context(t.context);
  fibers_.enter(fiber);
  // self() is now the last thread that ran on this fiber: threads that end without waiting pass their stack to the
  // next.
  if (self().state == State::done) fibers_.put(fiber, false);
  current_ = -1;
}

// Starts the next thread on the current stack: threads that never wait then need no stack or switch of their own. Not
// with ThreadSanitizer, which needs a context per thread.
bool Grid::take_fresh() {
  if (kRaces || started_ == order_.size()) return false;
  const int fiber = self().fiber;
  current_ = order_[started_++];
  self().fiber = fiber;
  self().state = State::ready;
  threadIdx = {unsigned(current_), 0, 0};
  return true;
}

void Grid::run_threads() {
  Grid& g = grid();
  g.fibers_.arrived();
  do {
    (*g.body_)();
    release(&g.ended_);
    g.self().state = State::done;
    --g.live_;
  } while (g.take_fresh());
  enter_context(g.grid_context_);
  g.fibers_.leave();
}

void Grid::park(State state) {
  self().state = state;
  enter_context(grid_context_);
  fibers_.leave();
}

void Grid::abandon() {
  park(State::ready);
  std::abort();  // never reached: the thread is not resumed
}

void Grid::barrier(SourceLine at) {
  self().at = at;
  ++waiting_;
  char* mark = &barrier_mark_[barriers_ % 2];
  release(mark);
  park(State::at_barrier);
  acquire(mark);
}

// Releases a barrier when all live threads wait at one. Faults if they wait at different barriers, or if threads have
// returned.
void Grid::release_barrier() {
  const int first = *std::find_if(order_.begin(), order_.end(),
                                  [&](int t) { return threads_[size_t(t)].state == State::at_barrier; });
  const Thread& one = threads_[size_t(first)];
  current_ = first;
  for (size_t i = 0; i < threads_.size(); ++i) {
    const Thread& other = threads_[i];
    if (other.state == State::done)
      return note(one.at, "a barrier that {} of {} threads skip, thread {} for one: they have returned",
                  threads_.size() - live_, threads_.size(), i);
    if (!same(other.at, one.at))
      return note(one.at, "a barrier, while thread {} waits at the one of {}", i, name(other.at));
  }
  for (Thread& t : threads_) t.state = State::ready;
  waiting_ = 0;
  ++barriers_;
}

void* Grid::shared(const void* site, size_t bytes) {
  ignore_accesses();
  void* memory = shared_memory_.get(site, bytes);
  watch_accesses();
  if (!memory) {
    note({"SHARED", 0}, "more than {} bytes of shared memory", SharedMemory::kBytes);
    abandon();
  }
  return memory;
}

void block_barrier(SourceLine at) { grid().barrier(at); }
void* shared_memory(const void* site, size_t bytes) { return grid().shared(site, bytes); }

std::string run_grid(const std::function<void()>& body, unsigned blocks, unsigned threads, uint64_t seed) {
  return grid().run(body, blocks, threads, seed);
}

}  // namespace skein::cuda::emulator
