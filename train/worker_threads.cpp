#include "train/worker_threads.h"

#include <omp.h>

#include <utility>

namespace skein {

WorkerThreads::WorkerThreads(int64_t size, int64_t openmp_threads_each,
                             std::function<void(int64_t, const std::string&)> on_failure,
                             std::function<void(int64_t)> prepare)
    : on_failure_(std::move(on_failure)), prepare_(std::move(prepare)) {
  if (size == 1) return;
  for (int64_t worker = 0; worker < size; ++worker)
    threads_.add("a worker's thread", [=, this] { thread_main(worker, openmp_threads_each); });
}

void WorkerThreads::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  start_.notify_all();
}

void WorkerThreads::run(const std::function<void(int64_t)>& body) {
  if (threads_.size() == 0) return body(0);
  std::unique_lock lock(mutex_);
  body_ = &body;
  busy_ = threads_.size();
  ++run_;
  start_.notify_all();
  done_.wait(lock, [this] { return busy_ == 0; });
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void WorkerThreads::thread_main(int64_t worker, int64_t openmp_threads) {
  omp_set_num_threads(int(openmp_threads));
  prepare_(worker);
  for (int64_t run = 1;; ++run) {
    {
      std::unique_lock lock(mutex_);
      start_.wait(lock, [&] { return stop_ || run_ == run; });
      if (stop_) return;
    }
    run_one(worker);
    const std::lock_guard lock(mutex_);
    if (--busy_ == 0) done_.notify_one();
  }
}

void WorkerThreads::run_one(int64_t worker) {
  std::string reason;
  try {
    return (*body_)(worker);
  } catch (const std::exception& e) {
    reason = e.what();
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::current_exception();
  }
  on_failure_(worker, reason);
}

}  // namespace skein
