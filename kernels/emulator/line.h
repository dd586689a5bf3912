// Work in order, held back until somebody needs it: what a stream holds, and what a branch of a graph is.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

namespace skein::cuda::emulator {

struct Line;

// A place in a line: after its first `position` pieces of work. What an event remembers.
struct Point {
  std::shared_ptr<Line> line;
  int64_t position = 0;
  std::chrono::steady_clock::time_point time;  // when it was passed
  char mark = 0;                               // for ThreadSanitizer
  bool passed() const;
};

struct Work {
  std::function<void()> run = nullptr;     // null: only an order
  std::shared_ptr<Point> after = nullptr;  // of another line: that comes first
  std::shared_ptr<Point> pass = nullptr;   // this is the place
  std::shared_ptr<char> mark = nullptr;    // for ThreadSanitizer: what the host did before it asked for this
};

struct Line {
  std::deque<Work> work;  // not yet done
  int64_t done = 0;
  bool early = false;       // done as soon as it is asked for
  void* context = nullptr;  // for ThreadSanitizer: who does it
  char mark = 0;            // and what was done so far

  Line();
  ~Line();
  Line(const Line&) = delete;
  int64_t end() const { return done + int64_t(work.size()); }
  void add(Work);
};

// Where the line ends once work that passes this point has been added to it.
std::shared_ptr<Point> place_at_end(const std::shared_ptr<Line>&);

// Does the first `position` pieces of the line, and of other lines what they come after. False: a fault stopped it.
bool run_until(Line&, int64_t position);

// The calling host thread comes after what the line has done.
void host_waits_for(Line&);
void host_waits_for(Point&);

}  // namespace skein::cuda::emulator
