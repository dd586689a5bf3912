// Threads that work for one object. A process may have no more threads than the system allows it (ulimit -u, pids.max
// of a container); both functions that start one then throw RunFailed, and no thread is left behind.
#pragma once

#include <functional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"

namespace skein {

// `purpose` names the thread in the error: "a thread that decodes images".
template <class Body>
std::thread start_thread(const char* purpose, Body body) {
  try {
    return std::thread(std::move(body));
  } catch (const std::system_error& e) {
    throw RunFailed("{} cannot be started: {}. Allow this process more threads (ulimit -u, pids.max), or ask for fewer",
                    purpose, e.code().message());
  }
}

// Declare it as the object's last member: it is destroyed first, and also where the object's constructor throws.
class ThreadTeam {
 public:
  // `stop` makes every body return. It is called once, before the threads are joined.
  explicit ThreadTeam(std::function<void()> stop) : stop_(std::move(stop)) {}
  ~ThreadTeam() {
    stop_();
    for (std::thread& t : threads_) t.join();
  }
  ThreadTeam(const ThreadTeam&) = delete;

  template <class Body>
  void add(const char* purpose, Body body) {
    threads_.reserve(threads_.size() + 1);  // push_back() must not throw once the thread runs
    threads_.push_back(start_thread(purpose, std::move(body)));
  }
  int64_t size() const { return int64_t(threads_.size()); }

 private:
  std::function<void()> stop_;
  std::vector<std::thread> threads_;
};

}  // namespace skein
