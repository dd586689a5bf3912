// What the threads of this process are doing at the moment, for people: SIGQUIT prints it, and a rank that is waited
// for tells the others. Every Span (base/trace.h) is a phase, every collective call a call. Process-wide, as a signal
// is. Safe to call from all threads. Threads without a name are not shown.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/stopwatch.h"

namespace skein::activity {

struct Thread {
  std::atomic<bool> taken{false};
  std::atomic<int64_t> rank{0};
  std::atomic<const char*> name{""};   // static, as the next two
  std::atomic<const char*> phase{""};  // empty: none
  std::atomic<const char*> call{""};   // empty: not in a collective call
  std::atomic<int64_t> call_bytes{0};
  std::atomic<int64_t> phase_since{0}, call_since{0};  // nanoseconds of std::chrono::steady_clock
};

inline thread_local Thread* own = nullptr;

// Gives the calling thread a line, until it ends. name: static.
void name_thread(int64_t rank, const char* name);
void set_step(int64_t step);  // of the run, from 1
int64_t step();               // 0: not in a step yet

inline const char* enter_phase(const char* name) {
  if (!own) return "";
  own->phase_since.store(steady_nanoseconds(), std::memory_order_relaxed);
  return own->phase.exchange(name, std::memory_order_relaxed);
}
inline void leave_phase(const char* outer) {
  if (own) own->phase.store(outer, std::memory_order_relaxed);
}

// A collective call of the calling thread, from construction to destruction.
class Call {
 public:
  Call(const char* name, int64_t bytes) {
    if (!own) return;
    own->call_bytes.store(bytes, std::memory_order_relaxed);
    own->call_since.store(steady_nanoseconds(), std::memory_order_relaxed);
    own->call.store(name, std::memory_order_relaxed);
  }
  ~Call() {
    if (own) own->call.store("", std::memory_order_relaxed);
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
};

inline const char* own_call() { return own ? own->call.load(std::memory_order_relaxed) : ""; }
const char* main_phase();  // of the thread that was named first; empty: none
int64_t cpu_ms();          // milliseconds of processor time that this process has used
// Processor time within a second above which a process works. One that only waits needs a tenth of it.
constexpr int64_t kWorkMs = 3;

// SIGQUIT prints a line per thread on stderr, and the process goes on.
void print_at_sigquit();

}  // namespace skein::activity
