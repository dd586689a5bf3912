// FIFO of deferred work: an emulated stream, or one branch of a captured graph.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

namespace skein::cuda::emulator {

struct WorkQueue;

// Position in a queue, after its first `position` work items. An event refers to one.
struct QueuePosition {
  std::shared_ptr<WorkQueue> queue;
  int64_t position = 0;
  std::chrono::steady_clock::time_point time;  // time at which it was passed
  char mark = 0;                               // synchronisation mark for ThreadSanitizer
  bool passed() const;
};

struct Work {
  std::function<void()> run = nullptr;             // null: only a wait or a position
  std::shared_ptr<QueuePosition> after = nullptr;  // position in another queue to wait for
  std::shared_ptr<QueuePosition> pass = nullptr;   // position that this work item passes
  std::shared_ptr<char> mark = nullptr;  // for ThreadSanitizer: orders the work after the host that enqueued it
};

struct WorkQueue {
  std::deque<Work> work;  // not yet done
  int64_t done = 0;
  bool early = false;       // runs work as soon as it is enqueued
  void* context = nullptr;  // for ThreadSanitizer: execution context of the work
  char mark = 0;            // for ThreadSanitizer: released by the work done so far

  WorkQueue();
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  int64_t end() const { return done + int64_t(work.size()); }
  void add(Work);
};

// Position at the end of the queue, after the next work item to be added, which must pass it.
std::shared_ptr<QueuePosition> position_at_end(const std::shared_ptr<WorkQueue>&);

// Runs the queue up to `position`, and other queues as far as that depends on them. False: stopped by a fault.
bool run_until(WorkQueue&, int64_t position);

// For ThreadSanitizer: orders the calling host thread after the work done so far.
void host_waits_for(WorkQueue&);
void host_waits_for(QueuePosition&);

}  // namespace skein::cuda::emulator
