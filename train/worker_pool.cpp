#include "train/worker_pool.h"

#include <omp.h>

#include <algorithm>
#include <utility>

namespace skein {

WorkerThreads::WorkerThreads(int64_t size, int64_t threads_each,
                             std::function<void(int64_t, const std::string&)> on_failure, std::function<void()> prepare)
    : on_failure_(std::move(on_failure)), prepare_(std::move(prepare)) {
  if (size == 1) return;
  for (int64_t rank = 0; rank < size; ++rank) threads_.emplace_back(&WorkerThreads::work, this, rank, threads_each);
}

WorkerThreads::~WorkerThreads() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  start_.notify_all();
  for (std::thread& t : threads_) t.join();
}

void WorkerThreads::run(const std::function<void(int64_t)>& body) {
  if (threads_.empty()) return body(0);
  std::unique_lock lock(mutex_);
  body_ = &body;
  busy_ = int64_t(threads_.size());
  ++round_;
  start_.notify_all();
  done_.wait(lock, [this] { return busy_ == 0; });
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void WorkerThreads::work(int64_t rank, int64_t threads_each) {
  omp_set_num_threads(int(threads_each));
  prepare_();
  for (int64_t round = 1;; ++round) {
    {
      std::unique_lock lock(mutex_);
      start_.wait(lock, [&] { return stop_ || round_ == round; });
      if (stop_) return;
    }
    run_one(rank);
    const std::lock_guard lock(mutex_);
    if (--busy_ == 0) done_.notify_one();
  }
}

void WorkerThreads::run_one(int64_t rank) {
  std::string reason;
  try {
    return (*body_)(rank);
  } catch (const std::exception& e) {
    reason = e.what();
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::current_exception();
  }
  on_failure_(rank, reason);
}

StepContext::StepContext(Device device, bool recompute)
    : queue{device, device == Device::cuda ? cuda::create_stream() : nullptr}, arena(device), tape(queue, arena) {
  tape.recompute = recompute;
}

StepContext::~StepContext() { cuda::destroy_stream(queue.stream); }

StepContextPool::StepContextPool(int64_t count, Device device, bool recompute) {
  for (int64_t i = 0; i < count; ++i) {
    contexts_.push_back(std::make_unique<StepContext>(device, recompute));
    free_.push_back(contexts_.back().get());
  }
}

void StepContextPool::synchronize() const {
  for (const auto& context : contexts_) context->queue.run(kernel::synchronize);
}

void StepContextPool::with(int64_t worker, const std::function<void(StepContext&)>& use) {
  StepContext* context = nullptr;
  {
    std::unique_lock lock(mutex_);
    const auto find = [&] {
      if (own(worker).queue.device == Device::cuda) return std::find(free_.begin(), free_.end(), &own(worker));
      return free_.empty() ? free_.end() : free_.end() - 1;  // the one whose memory is still in the cache
    };
    freed_.wait(lock, [&] { return find() != free_.end(); });
    context = *find();
    free_.erase(find());
  }
  const auto put_back = [&] {
    const std::lock_guard lock(mutex_);
    free_.push_back(context);
    freed_.notify_all();
  };
  try {
    use(*context);
  } catch (...) {
    put_back();
    throw;
  }
  put_back();
}

}  // namespace skein
