// The thread of a worker that communicates while the worker's own computes: it runs one call at a time. It lives as
// long as the worker, and uses one core.
//
// Threading: start() and finish() by one thread at a time. What the call uses, that thread leaves alone in between.
// Errors: finish() throws what the call has thrown, once.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>

#include "base/thread_team.h"

namespace skein {

class CommunicationThread {
 public:
  // rank: of the worker, for traces. RunFailed where there cannot be one more thread.
  explicit CommunicationThread(int64_t rank);

  void start(std::function<void()> call);  // after finish()
  void finish();                           // returns when the call has; at once where none was started

 private:
  void thread_main(int64_t rank);
  void stop();  // after the call

  std::mutex mutex_;  // guards the members below, but not thread_
  std::condition_variable changed_;
  std::function<void()> call_;  // empty: none is under way
  bool stop_ = false;
  std::exception_ptr error_;
  ThreadTeam thread_{[this] { stop(); }};
};

}  // namespace skein
