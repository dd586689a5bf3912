// The threads of a process's workers. Worker i always runs on thread i, so that what kernels keep per thread (oneDNN
// primitives, scratch memory, the OpenMP threads) belongs to one worker and stays warm. With one worker there is no
// thread: it runs on the caller's.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <string>

#include "base/thread_team.h"

namespace skein {

class WorkerThreads {
 public:
  // on_failure(worker, reason) is called on the thread of a worker whose body has thrown. It must end the calls in
  // which the other workers wait for this one, or run() never returns. `prepare(worker)` runs first on every thread.
  // RunFailed
  // where there cannot be so many threads.
  WorkerThreads(
      int64_t size, int64_t openmp_threads_each, std::function<void(int64_t, const std::string&)> on_failure,
      std::function<void(int64_t)> prepare = [](int64_t) {});

  // Runs body(worker) for every worker, 0 to size - 1, and returns when all are done. Rethrows the first exception.
  void run(const std::function<void(int64_t worker)>& body);

 private:
  void thread_main(int64_t worker, int64_t openmp_threads);
  void run_one(int64_t worker);
  void stop();

  std::function<void(int64_t, const std::string&)> on_failure_;
  std::function<void(int64_t)> prepare_;
  std::mutex mutex_;  // guards the members below, but not threads_
  std::condition_variable start_, done_;
  const std::function<void(int64_t)>* body_ = nullptr;
  int64_t run_ = 0;   // number of the current run() call, from 1
  int64_t busy_ = 0;  // workers that have not finished it
  bool stop_ = false;
  std::exception_ptr error_;
  ThreadTeam threads_{[this] { stop(); }};
};

}  // namespace skein
