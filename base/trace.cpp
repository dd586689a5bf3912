#include "base/trace.h"

#include <mutex>

#include "base/nvtx.h"
#include "base/stopwatch.h"

namespace skein {
namespace trace {
namespace {

struct State {
  std::mutex mutex;
  std::vector<Track> tracks;  // threads that have ended stay
  std::deque<Event> events;
  int64_t dropped = 0;
};
State& state() {
  static State all;
  return all;
}

std::atomic<bool> will_record{false};
thread_local int32_t own_track = -1;

}  // namespace

void prepare(bool recording) {
  will_record = recording;
  if (nvtx::load()) readers |= kNvtx;
}
bool prepared() { return will_record || on(); }

void start() {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.events.clear();
  s.dropped = 0;
  readers |= kRecording;
}

Recording stop() {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  readers &= ~kRecording;
  Recording all{s.tracks, std::move(s.events), s.dropped};
  s.events = {};
  return all;
}

int32_t add_track(int64_t rank, const std::string& name) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.tracks.push_back({rank, name});
  return int32_t(s.tracks.size()) - 1;
}

void name_thread(int64_t rank, const char* name) {
  activity::name_thread(rank, name);
  if (!prepared()) return;
  if (own_track < 0) {
    own_track = add_track(rank, name);
    return;
  }
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.tracks[size_t(own_track)] = {rank, name};
}

int32_t thread_track() {
  if (own_track < 0) own_track = add_track(0, "thread");
  return own_track;
}

void add(const Event& event) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  if (!has(kRecording)) return;
  if (s.events.size() == kMostEvents)
    ++s.dropped;
  else
    s.events.push_back(event);
}

namespace {
void add_now(Event::Kind kind, const char* name, double value, uint64_t id) {
  if (!has(kRecording)) return;
  const int64_t time = steady_nanoseconds();
  add({kind, thread_track(), name, time, time, value, id});
}
}  // namespace

void counter(const char* name, double value) { add_now(Event::counter, name, value, 0); }
void arrow_out(const char* name, uint64_t id) { add_now(Event::arrow_out, name, 0, id); }
void arrow_in(const char* name, uint64_t id) { add_now(Event::arrow_in, name, 0, id); }

}  // namespace trace

void Span::begin(const char* name) {
  name_ = name;
  pushed_ = trace::has(trace::kNvtx);
  if (pushed_) nvtx::push(name);
  begin_ = steady_nanoseconds();
}

void Span::end() {
  if (trace::has(trace::kRecording))
    trace::add({trace::Event::span, trace::thread_track(), name_, begin_, steady_nanoseconds()});
  if (pushed_) nvtx::pop();
}

}  // namespace skein
