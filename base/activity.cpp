#include "base/activity.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>

namespace skein::activity {
namespace {

std::array<Thread, 256> threads;  // more are not shown
std::atomic<int64_t> current_step{0};

struct LineOwner {
  ~LineOwner() {
    if (own) own->taken.store(false);
    own = nullptr;
  }
};

double seconds_since(int64_t begin) { return double(steady_nanoseconds() - begin) * 1e-9; }

// Formats into memory of its own: a signal handler must not allocate.
void print_line(const Thread& t) {
  char line[400];
  char* end = line;
  const auto room = [&] { return size_t(line + sizeof line - 1 - end); };
  end = fmt::format_to_n(end, room(), "skein: process {}, rank {}, {} thread, step {}", getpid(), t.rank.load(),
                         t.name.load(), current_step.load())
            .out;
  if (const char* const phase = t.phase.load(); *phase)
    end = fmt::format_to_n(end, room(), ": {} for {:.1f} s", phase, seconds_since(t.phase_since.load())).out;
  if (const char* const call = t.call.load(); *call)
    end = fmt::format_to_n(end, room(), "; in {} of {} bytes for {:.1f} s", call, t.call_bytes.load(),
                           seconds_since(t.call_since.load()))
              .out;
  *end++ = '\n';
  [[maybe_unused]] const ssize_t n = write(STDERR_FILENO, line, size_t(end - line));
}

void print_all(int) {
  const int error = errno;
  for (const Thread& t : threads)
    if (t.taken.load()) print_line(t);
  errno = error;
}

}  // namespace

void name_thread(int64_t rank, const char* name) {
  static thread_local LineOwner owner;
  for (Thread& t : threads) {
    if (own) break;
    if (!t.taken.exchange(true)) own = &t;
  }
  if (!own) return;
  own->phase = "";
  own->call = "";
  own->rank = rank;
  own->name = name;
}

void set_step(int64_t step) { current_step = step; }
int64_t step() { return current_step; }

const char* main_phase() { return threads[0].taken ? threads[0].phase.load() : ""; }

int64_t cpu_ms() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return int64_t(t.tv_sec) * 1000 + t.tv_nsec / 1'000'000;
}

void print_at_sigquit() {
  struct sigaction action {};
  action.sa_handler = print_all;
  action.sa_flags = SA_RESTART;
  sigaction(SIGQUIT, &action, nullptr);
}

}  // namespace skein::activity
