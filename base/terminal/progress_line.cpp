#include "base/terminal/progress_line.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/terminal/terminal.h"

namespace skein {
namespace {

constexpr std::chrono::milliseconds kRedraw{100};

// A terminal that takes nothing is no reason to end the work.
void put(int terminal, const std::string& text) {
  if (write(terminal, text.data(), text.size()) < 0) return;
}

}  // namespace

ProgressLine::ProgressLine(std::string what, int64_t total, double quiet_seconds, int terminal)
    : what_(std::move(what)),
      total_(total),
      terminal_(is_live_terminal(terminal) ? terminal : -1),
      begin_(Clock::now()),
      next_(begin_ + std::chrono::milliseconds(int64_t(quiet_seconds * 1e3))) {}

ProgressLine::~ProgressLine() {
  if (drawn_) put(terminal_, "\r\x1b[K");
}

void ProgressLine::add(int64_t images) {
  const std::lock_guard lock(mutex_);
  done_ += images;
  if (total_ > 0) done_ = std::min(done_, total_);
  const auto now = Clock::now();
  if (terminal_ < 0 || now < next_ || done_ == 0) return;
  next_ = now + kRedraw;
  drawn_ = true;
  const double seconds = seconds_since(begin_), left = seconds * double(total_ - done_) / double(done_);
  const std::string line = total_ == 0
                               ? fmt::format("{}  {} files  {:.0f} files/s", what_, done_, double(done_) / seconds)
                               : fmt::format("{}  {}/{} images  {:.0f} img/s  {} left", what_, done_, total_,
                                             double(done_) / seconds, format_duration(std::max(0.0, left)));
  put(terminal_, "\r" + line.substr(0, size_t(terminal_width(terminal_) - 1)) + "\x1b[K");
}

}  // namespace skein
