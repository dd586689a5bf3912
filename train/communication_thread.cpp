#include "train/communication_thread.h"

#include <omp.h>

#include <utility>

#include "base/check.h"
#include "base/trace.h"

namespace skein {

CommunicationThread::CommunicationThread(int64_t rank) {
  thread_.add("a worker's communication thread", [=, this] { thread_main(rank); });
}

void CommunicationThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
}

void CommunicationThread::start(std::function<void()> call) {
  {
    const std::lock_guard lock(mutex_);
    CHECK(!call_, "a call is under way");
    call_ = std::move(call);
  }
  changed_.notify_all();
}

void CommunicationThread::finish() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !call_; });
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void CommunicationThread::thread_main(int64_t rank) {
  omp_set_num_threads(1);  // the other cores compute
  trace::name_thread(rank, "communication");
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || call_; });
    if (!call_) return;
    lock.unlock();
    std::exception_ptr error;
    try {
      call_();
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    error_ = error;
    call_ = nullptr;
    changed_.notify_all();
  }
}

}  // namespace skein
