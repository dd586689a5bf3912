#include "train/run/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/terminal/progress_line.h"
#include "base/terminal/standard_files.h"

namespace skein {
namespace {

constexpr std::chrono::milliseconds kRedraw{100};
constexpr std::chrono::seconds kPlainLine{10};

}  // namespace

ProgressDisplay::ProgressDisplay(int64_t epochs, int64_t steps_per_epoch, bool redraw)
    : epochs_(epochs), steps_per_epoch_(steps_per_epoch), terminal_(redraw && isatty(STDOUT_FILENO)) {}

ProgressDisplay::~ProgressDisplay() { clear(); }

void ProgressDisplay::clear() {
  if (bar_) report("\r\x1b[K");
  bar_ = false;
}

// Speed and waiting time are measured over the steps since the last line.
void ProgressDisplay::show(const StepMetrics& m) {
  if (m.step_in_epoch == 1) seconds_before_ = 0;
  recent_images_ += m.images;
  recent_seconds_ += m.totals.seconds - seconds_before_;
  recent_wait_ms_ += m.wait_ms;
  seconds_before_ = m.totals.seconds;

  const auto now = Clock::now();
  if (now - drawn_ < (terminal_ ? Clock::duration(kRedraw) : Clock::duration(kPlainLine))) return;
  drawn_ = now;
  rate_ = double(recent_images_) / recent_seconds_;
  wait_share_ = 0.1 * recent_wait_ms_ / recent_seconds_;
  recent_images_ = 0;
  recent_seconds_ = recent_wait_ms_ = 0;

  if (terminal_) {
    report("\r{}\x1b[K", describe(m, terminal_width(STDOUT_FILENO) - 1));
    bar_ = true;
  } else {
    report("{}\n", describe(m, 0));
  }
}

// The gauge gets the width that the numbers leave. A width of 0 means a plain line.
std::string ProgressDisplay::describe(const StepMetrics& m, int64_t width) const {
  const double images = double(m.totals.images);
  const double left = double((epochs_ - m.epoch + 1) * steps_per_epoch_ - m.step_in_epoch) * double(m.images) / rate_;
  const std::string epoch = fmt::format("epoch {}/{}", m.epoch, epochs_);
  const std::string numbers =
      fmt::format(" {}/{}  loss {:.3f}  top-1 {:.1f} %  {:.0f} img/s  wait {:.1f} %  lr {:.4g}  {} left",
                  m.step_in_epoch, steps_per_epoch_, m.totals.loss / images, 100.0 * double(m.totals.correct) / images,
                  rate_, wait_share_, m.lr, format_duration(left));
  if (width == 0) return epoch + " " + numbers;

  constexpr int64_t kWidest = 24, kNarrowest = 5;
  const int64_t gauge = std::min(kWidest, width - int64_t(epoch.size() + numbers.size()) - 3);
  if (gauge < kNarrowest) return (epoch + numbers).substr(0, size_t(width));
  const int64_t filled = m.step_in_epoch * gauge / steps_per_epoch_;
  return fmt::format("{} [{}{}]{}", epoch, std::string(size_t(filled), '='), std::string(size_t(gauge - filled), ' '),
                     numbers);
}

void ProgressDisplay::show(const EpochMetrics& m) {
  clear();
  report(
      "epoch {}/{}  step {}  lr {:.4g}  train loss {:.4f} top-1 {:.2f} %  test loss {:.4f} top-1 {:.2f} % "
      "top-5 {:.2f} %  {:.0f} img/s  {}{}\n",
      m.epoch, epochs_, m.step, m.lr, m.train_loss, m.train_top1, m.test.loss, m.test.top1, m.test.top5,
      m.images_per_second, format_duration(m.seconds), m.best ? "  best" : "");
  if (m.local)
    report("          mean of the workers' own models: test loss {:.4f} top-1 {:.2f} % top-5 {:.2f} %\n", m.local->loss,
           m.local->top1, m.local->top5);
  if (m.ema)
    report("          average of the weights over the steps: test loss {:.4f} top-1 {:.2f} % top-5 {:.2f} %\n",
           m.ema->loss, m.ema->top1, m.ema->top5);
}

}  // namespace skein
