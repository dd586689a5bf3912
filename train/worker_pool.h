// K threads that stay: what worker r runs, it always runs on thread r, so what kernels keep per thread (primitives,
// scratch, the OpenMP team) stays its own and warm. With one worker there are no threads: it runs on the caller's.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/tape.h"

namespace skein {

class WorkerThreads {
 public:
  // on_failure(rank, reason) is called on the thread of a rank that has thrown: it must release the others.
  // `prepare` runs first on every thread of the team.
  WorkerThreads(
      int64_t size, int64_t threads_each, std::function<void(int64_t, const std::string&)> on_failure,
      std::function<void()> prepare = [] {});
  ~WorkerThreads();
  WorkerThreads(const WorkerThreads&) = delete;

  // Runs body(rank) for every rank and returns when all are done; rethrows what the first rank to fail has thrown.
  void run(const std::function<void(int64_t rank)>& body);

 private:
  void work(int64_t rank, int64_t threads_each);
  void run_one(int64_t rank);

  std::function<void(int64_t, const std::string&)> on_failure_;
  std::function<void()> prepare_;
  std::mutex mutex_;
  std::condition_variable start_, done_;
  const std::function<void(int64_t)>* body_ = nullptr;
  int64_t round_ = 0, busy_ = 0;
  bool stop_ = false;
  std::exception_ptr error_;
  std::vector<std::thread> threads_;
};

// Memory to compute a step in and, on a GPU, a stream. There are fewer contexts than workers; who holds one computes.
struct StepContext {
  explicit StepContext(Device device, bool recompute = false);
  ~StepContext();
  StepContext(const StepContext&) = delete;
  const Queue queue;
  Arena arena;
  Tape tape;
};

class StepContextPool {
 public:
  // recompute: Tape::recompute of them all
  StepContextPool(int64_t count, Device device, bool recompute);

  // Where a worker's work is ordered: on a GPU the stream of its context, which stays the same, as captured steps use the
  // context's memory; on the CPU any context will do.
  Queue queue(int64_t worker) const { return own(worker).queue; }
  void synchronize() const;  // what all contexts were given is done
  // Waits for a context that the worker may use and calls use(context); the context is free again afterwards.
  void with(int64_t worker, const std::function<void(StepContext&)>& use);
  StepContext& first() { return *contexts_.front(); }  // between steps, when nobody computes

 private:
  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<std::unique_ptr<StepContext>> contexts_;
  std::vector<StepContext*> free_;

  StepContext& own(int64_t worker) const { return *contexts_[size_t(worker) % contexts_.size()]; }
};

}  // namespace skein
