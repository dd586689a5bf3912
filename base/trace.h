// Work of this process on a timeline: spans, counters, and arrows between ranks. They are read by a recording, which
// becomes a file (train/run/trace_file.h), and by NVIDIA's profilers (base/nvtx.h). Process-wide, as these readers are.
// Without a reader a span costs one load, one branch and the name of what the thread does (base/activity.h). Safe to
// call from all threads.
//
// A track is a row of the timeline: a thread of the host or a stream of a GPU. Times are nanoseconds of
// std::chrono::steady_clock.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/activity.h"

namespace skein {

namespace trace {

struct Track {
  int64_t rank = 0;
  std::string name;
};

struct Event {
  enum Kind : uint8_t { span, counter, arrow_out, arrow_in };
  Kind kind = span;
  int32_t track = 0;
  const char* name = "";  // static
  int64_t begin = 0, end = 0;
  double value = 0;             // of a counter
  uint64_t id = 0;              // of an arrow: the same at both ends, and of no other arrow
  const char* pass = "";        // of a kernel, as the next three; static
  std::string_view layer = {};  // must live until the events are read
  double bytes = 0, flops = 0;
};

struct Recording {
  std::vector<Track> tracks;
  std::deque<Event> events;
  int64_t dropped = 0;  // events for which there was no room
};

constexpr size_t kMostEvents = 200'000;  // of one recording: about 20 MB of memory, and of its text

enum Reader : int { kRecording = 1, kNvtx = 2 };
inline std::atomic<int> readers{0};
inline bool on() { return readers.load(std::memory_order_relaxed) != 0; }
inline bool has(Reader r) { return readers.load(std::memory_order_relaxed) & r; }

// To be called before the workers are made: `recording` says that start() will be called. Opens the tool of
// NVTX_INJECTION64_PATH, if there is one: BadInput where it cannot be opened.
void prepare(bool recording);
bool prepared();  // something reads spans, now or later

void start();
Recording stop();

void name_thread(int64_t rank, const char* name);  // the calling thread; name: static
int32_t thread_track();                            // of the calling thread
int32_t add_track(int64_t rank, const std::string& name);
void add(const Event&);  // while recording, else no effect

void counter(const char* name, double value);  // on the calling thread's track, as the next two
void arrow_out(const char* name, uint64_t id);
void arrow_in(const char* name, uint64_t id);

}  // namespace trace

// Work of the calling thread from construction to destruction.
class Span {
 public:
  explicit Span(const char* name) : outer_(activity::enter_phase(name)) {
    if (trace::on()) begin(name);
  }
  ~Span() {
    activity::leave_phase(outer_);
    if (name_) end();
  }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;

 private:
  void begin(const char* name);
  void end();
  const char* const outer_;
  const char* name_ = nullptr;
  int64_t begin_ = 0;
  bool pushed_ = false;  // as an NVTX range
};

template <class Work>
decltype(auto) in_span(const char* name, const Work& work) {
  const Span span(name);
  return work();
}

}  // namespace skein
