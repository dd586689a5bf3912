#include "train/run/trace_file.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <limits>
#include <set>

#include "base/check.h"
#include "base/files.h"
#include "base/formats/json.h"
#include "base/stopwatch.h"
#include "base/terminal/standard_files.h"
#include "base/trace.h"
#include "train/machine/version.h"
#include "train/trainer.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

constexpr int kClockRounds = 16;

std::string json_text(std::string_view text) { return Json(std::string(text)).dump(-1, Json::BadUtf8::replace); }
std::string microseconds(int64_t ns) { return fmt::format("{:.3f}", double(ns) * 1e-3); }

// "N" or nothing at `text`; advances it.
bool take_number(const char*& text, const char* end, int64_t& number) {
  const auto [rest, error] = std::from_chars(text, end, number);
  if (error != std::errc{} || number < 1) return false;
  text = rest;
  return true;
}

std::string arguments_of(const trace::Event& e) {
  if (e.layer.empty()) return "";
  const double ns = std::max(1.0, double(e.end - e.begin));
  return fmt::format(
      ",\"args\":{{\"layer\":{},\"pass\":\"{}\",\"bytes\":{:.0f},\"flops\":{:.0f},\"GB/s\":{:.2f},\"TFLOP/s\":{:.4f}}}",
      json_text(e.layer), e.pass, e.bytes, e.flops, e.bytes / ns, e.flops / ns * 1e-3);
}

// One event as JSON, on a line of its own.
std::string text_of(const trace::Event& e, const trace::Track& track, int64_t origin) {
  const auto common = [&](const char* phase, int64_t time) {
    return fmt::format("{{\"ph\":\"{}\",\"pid\":{},\"tid\":{},\"ts\":{},\"name\":{}", phase, track.rank, e.track + 1,
                       microseconds(time - origin), json_text(e.name));
  };
  switch (e.kind) {
    case trace::Event::span:
      return fmt::format("{},\"cat\":\"{}\",\"dur\":{}{}}}", common("X", e.begin), e.layer.empty() ? "span" : "kernel",
                         microseconds(e.end - e.begin), arguments_of(e));
    case trace::Event::counter:
      return fmt::format("{},\"args\":{{{}:{}}}}}", common("C", e.begin), json_text(e.name), Json(e.value).dump());
    case trace::Event::arrow_out:
      return fmt::format("{},\"cat\":\"arrow\",\"id\":{}}}", common("s", e.begin), e.id);
    case trace::Event::arrow_in:
      return fmt::format("{},\"cat\":\"arrow\",\"bp\":\"e\",\"id\":{}}}", common("f", e.begin), e.id);
  }
  return "";
}

std::string metadata(const char* name, int64_t process, int64_t thread, const std::string& value) {
  return fmt::format("{{\"ph\":\"M\",\"name\":\"{}\",\"pid\":{},\"tid\":{},\"args\":{{\"name\":{}}}}}", name, process,
                     thread, json_text(value));
}

// The events of this rank, one per line, each with a comma behind it.
std::string text_of(const trace::Recording& recording, int64_t origin) {
  std::string text;
  std::set<int32_t> tracks;
  for (const trace::Event& e : recording.events) {
    text += text_of(e, recording.tracks[size_t(e.track)], origin) + ",\n";
    tracks.insert(e.track);
  }
  for (const int32_t t : tracks) {
    const trace::Track& track = recording.tracks[size_t(t)];
    text += metadata("thread_name", track.rank, t + 1, track.name) + ",\n";
    text += metadata("process_name", track.rank, 0, fmt::format("rank {}", track.rank)) + ",\n";
  }
  return text;
}

// window_bits: 15 for zlib's own format, 31 for a gzip file.
std::string compressed(const std::string& text, int window_bits) {
  constexpr size_t kChunk = 1 << 20;
  z_stream z{};
  CHECK(deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK, "zlib");
  std::string out;
  std::vector<Bytef> buffer(kChunk);
  size_t done = 0;
  do {
    const size_t chunk = std::min(kChunk, text.size() - done);
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data() + done));
    z.avail_in = uInt(chunk);
    done += chunk;
    do {
      z.next_out = buffer.data();
      z.avail_out = uInt(kChunk);
      deflate(&z, done < text.size() ? Z_NO_FLUSH : Z_FINISH);
      out.append(reinterpret_cast<const char*>(buffer.data()), kChunk - z.avail_out);
    } while (z.avail_out == 0);
  } while (done < text.size());
  deflateEnd(&z);
  return out;
}

std::string decompressed(const std::string& bytes, int64_t size) {
  std::string text(size_t(size), '\0');
  uLongf length = uLongf(size);
  const int result = uncompress(reinterpret_cast<Bytef*>(text.data()), &length,
                                reinterpret_cast<const Bytef*>(bytes.data()), uLong(bytes.size()));
  CHECK(result == Z_OK && int64_t(length) == size, "zlib: {}", result);
  return text;
}

// Sizes that a rank sends beside its part.
struct PartSize {
  int64_t bytes, events, dropped, clock_error;
};

}  // namespace

TraceCall trace_call(const std::string& file, const std::string& steps) {
  TraceCall call{.file = file};
  if (steps.empty()) return call;
  if (file.empty()) throw BadInput("--trace-steps {}: there is no timeline without --trace FILE.json.gz", steps);
  const char *text = steps.data(), *end = text + steps.size();
  if (!take_number(text, end, call.first) || text == end || *text++ != ':' || !take_number(text, end, call.last) ||
      text != end)
    throw BadInput("--trace-steps {}: give the first and the last step, counted from 1, as 3:6", steps);
  if (call.last < call.first)
    throw BadInput("--trace-steps {}: the last step is before the first; give {}:{}", steps, call.last, call.first);
  return call;
}

void check_trace(const TraceCall& call) {
  if (call.file.empty()) return;
  const fs::path path = call.file, folder = path.parent_path();
  if (!call.file.ends_with(".json.gz"))
    throw BadInput("--trace {}: the file is compressed JSON; let its name end in .json.gz", call.file);
  if (fs::exists(path)) throw BadInput("--trace {}: exists already. Give another name, or remove it", call.file);
  if (!folder.empty() && !fs::is_directory(folder))
    throw BadInput("--trace {}: there is no folder {}. Make it first", call.file, folder.string());
}

ClockAlignment align_clocks(ProcessGroup& group) {
  std::vector<int64_t> enter(kClockRounds), leave(kClockRounds);
  for (int i = 0; i < kClockRounds; ++i) {
    enter[size_t(i)] = steady_nanoseconds();
    group.max(0);
    leave[size_t(i)] = steady_nanoseconds();
  }
  const std::vector<int64_t> all_enter = group.all_gather<int64_t>(enter), all_leave = group.all_gather<int64_t>(leave);
  int64_t low = std::numeric_limits<int64_t>::min(), high = std::numeric_limits<int64_t>::max();
  for (size_t i = 0; i < kClockRounds; ++i) {
    low = std::max(low, enter[i] - all_leave[i]);
    high = std::min(high, leave[i] - all_enter[i]);
  }
  if (group.is_root()) return {};
  return {low <= 0 && high >= 0 ? 0 : low + (high - low) / 2, (high - low) / 2};
}

TraceFile::TraceFile(ProcessGroup& group, Trainer& trainer, const TraceCall& call, int64_t last_step)
    : group_(group), trainer_(trainer), call_(call) {
  if (call_.file.empty()) return;
  const int64_t start = trainer.state().step;
  const int64_t end = std::min(last_step, trainer.config().epochs * trainer.steps_per_epoch());
  if (call_.first <= start || call_.last > end)
    group_.on_all_ranks([&] {
      throw BadInput("--trace-steps {}:{}: the run takes steps {} to {}", call_.first, call_.last, start + 1, end);
    });
}

void TraceFile::before_step(int64_t step) {
  if (call_.file.empty()) return;
  if (step == call_.first) begin();
  if (step == call_.last + 1) finish();
}

void TraceFile::begin() {
  trainer_.workers().settle();
  clock_ = align_clocks(group_);
  begin_ = group_.broadcast(steady_nanoseconds());
  trainer_.workers().start_kernel_spans();
  trace::start();
  recording_ = true;
}

void TraceFile::finish() {
  if (call_.file.empty() || written_) return;
  written_ = true;
  if (!recording_) {
    outcome_ = fmt::format("no step was recorded, as the run ended before step {}", call_.first);
    return;
  }
  trainer_.workers().settle();
  const int64_t dropped_kernels = trainer_.workers().record_kernel_spans();
  const trace::Recording recording = trace::stop();
  recording_ = false;
  const std::string text = text_of(recording, begin_ + clock_.offset);
  const PartSize mine{int64_t(text.size()), int64_t(recording.events.size()), recording.dropped + dropped_kernels,
                      clock_.error};
  const std::vector<PartSize> sizes = group_.all_gather<PartSize>(std::span(&mine, 1));
  const std::vector<std::string> parts = group_.all_gather_text(compressed(text, 15));
  if (!group_.is_root()) return;
  PartSize sum{};
  std::string all = "{\"traceEvents\":[\n";
  for (size_t r = 0; r < parts.size(); ++r) {
    all += decompressed(parts[r], sizes[r].bytes);
    sum.events += sizes[r].events;
    sum.dropped += sizes[r].dropped;
    sum.clock_error = std::max(sum.clock_error, sizes[r].clock_error);
  }
  all += fmt::format(
      "{}\n],\"displayTimeUnit\":\"ms\",\"otherData\":{{\"skein\":{},\"model\":{},\"steps\":\"{}:{}\",\"dropped\":{},"
      "\"clock_error_us\":{}}}}}\n",
      metadata("process_name", 0, 0, "rank 0"), json_text(version()), json_text(trainer_.config().model), call_.first,
      call_.last, sum.dropped, microseconds(sum.clock_error));
  try {
    write_text(call_.file, compressed(all, 31));
    outcome_ = fmt::format("{}, steps {} to {}, {} events", call_.file, call_.first, call_.last, sum.events);
    if (sum.dropped > 0) outcome_ += fmt::format("; there was no room for {} more: give fewer steps", sum.dropped);
  } catch (const RunFailed& e) {  // the training goes on
    failure_ = e.what();
  }
}

void TraceFile::report_outcome() {
  if (!outcome_.empty() && group_.is_root()) report("trace    {}\n", outcome_);
  group_.on_all_ranks([&] {
    if (!failure_.empty()) throw RunFailed("--trace: {}. The training itself is done", failure_);
  });
}

}  // namespace skein
