#include "train/run/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/terminal/standard_files.h"
#include "base/terminal/terminal.h"

namespace skein {
namespace {

constexpr std::chrono::milliseconds kRedraw{100};
constexpr std::chrono::seconds kPlainLine{10};
constexpr int64_t kFirstSteps = 2;  // of a process: they choose convolutions and take memory

// A part of the line. Of parts that do not fit, those with the highest number go first.
struct Field {
  int rank;
  std::string text;
};

// The parts that fit in `width` columns, in their order, with two spaces between them. 0: all.
std::string join_fitting(std::vector<Field> parts, int64_t width) {
  for (;;) {
    std::string line;
    for (const Field& p : parts) line += (line.empty() ? "" : "  ") + p.text;
    if (width == 0 || int64_t(line.size()) <= width || parts.size() == 1) return line;
    parts.erase(
        std::max_element(parts.begin(), parts.end(), [](const Field& a, const Field& b) { return a.rank < b.rank; }));
  }
}

}  // namespace

ProgressDisplay::ProgressDisplay(int64_t epochs, int64_t steps_per_epoch, bool redraw)
    : epochs_(epochs), steps_per_epoch_(steps_per_epoch), terminal_(redraw && is_live_terminal(STDOUT_FILENO)) {}

ProgressDisplay::~ProgressDisplay() { clear(); }

void ProgressDisplay::clear() {
  if (bar_) report_whole("\r\x1b[K");
  bar_ = false;
}

// Speed and waiting time are measured over the steps since the last line, without a process's first ones.
void ProgressDisplay::show(const StepMetrics& m) {
  if (m.step_in_epoch == 1) seconds_before_ = 0;
  if (++steps_shown_ > kFirstSteps) {
    recent_images_ += m.images;
    recent_seconds_ += m.totals.seconds - seconds_before_;
    recent_wait_ms_ += m.wait_ms;
  }
  seconds_before_ = m.totals.seconds;

  const auto now = Clock::now();
  if (now - drawn_ < (terminal_ ? Clock::duration(kRedraw) : Clock::duration(kPlainLine))) return;
  drawn_ = now;
  if (recent_seconds_ > 0) {
    rate_ = double(recent_images_) / recent_seconds_;
    wait_share_ = 0.1 * recent_wait_ms_ / recent_seconds_;
  }
  recent_images_ = 0;
  recent_seconds_ = recent_wait_ms_ = 0;

  if (terminal_) {
    report_whole("\r" + describe(m, terminal_width(STDOUT_FILENO) - 1) + "\x1b[K");
    bar_ = true;
  } else {
    report("{}\n", describe(m, 0));
  }
}

// The gauge gets the width that the numbers leave. A width of 0 means a plain line.
std::string ProgressDisplay::describe(const StepMetrics& m, int64_t width) const {
  const double images = double(m.totals.images);
  std::vector<Field> parts = {{0, fmt::format("epoch {}/{}", m.epoch, epochs_)},
                              {2, fmt::format("{}/{}", m.step_in_epoch, steps_per_epoch_)},
                              {1, fmt::format("loss {:.3f}", m.totals.loss / images)},
                              {4, fmt::format("top-1 {:.1f} %", 100.0 * double(m.totals.correct) / images)}};
  if (rate_ > 0) {
    const auto left = double((epochs_ - m.epoch + 1) * steps_per_epoch_ - m.step_in_epoch);
    parts.insert(parts.end(), {{5, fmt::format("{:.0f} img/s", rate_)},
                               {7, fmt::format("wait {:.1f} %", wait_share_)},
                               {6, fmt::format("lr {:.4g}", m.lr)},
                               {3, fmt::format("{} left", format_duration(left * double(m.images) / rate_))}});
  }
  constexpr int64_t kWidest = 24, kNarrowest = 5;
  const int64_t gauge = std::min(kWidest, width - int64_t(join_fitting(parts, 0).size()) - 3);
  if (gauge >= kNarrowest) {
    const int64_t filled = m.step_in_epoch * gauge / steps_per_epoch_;
    parts[0].text += fmt::format(" [{}{}]", std::string(size_t(filled), '='), std::string(size_t(gauge - filled), ' '));
  }
  return join_fitting(std::move(parts), width).substr(0, width == 0 ? std::string::npos : size_t(width));
}

void ProgressDisplay::show(const EpochMetrics& m) {
  clear();
  report(
      "epoch {}/{}  step {}  lr {:.4g}  train loss {:.4f} top-1 {:.2f} %  test loss {:.4f} top-1 {:.2f} % "
      "top-5 {:.2f} %  {:.0f} img/s  {}{}\n",
      m.epoch, epochs_, m.step, m.lr, m.train_loss, m.train_top1, m.test.loss, m.test.top1, m.test.top5,
      m.images_per_second, format_duration(m.seconds), m.best ? "  " + styled("best", Style::good, STDOUT_FILENO) : "");
  if (m.local)
    report("          mean of the workers' own models: test loss {:.4f} top-1 {:.2f} % top-5 {:.2f} %\n", m.local->loss,
           m.local->top1, m.local->top5);
  if (m.ema)
    report("          average of the weights over the steps: test loss {:.4f} top-1 {:.2f} % top-5 {:.2f} %\n",
           m.ema->loss, m.ema->top1, m.ema->top5);
}

}  // namespace skein
