#include "local_sgd/learning_rate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace skein {
namespace {

constexpr double kFirstDivisor = 25, kLastDivisor = 25 * 1e4;  // of one-cycle: PyTorch's defaults

// From a at 0 to b at 1, along half a wave.
double half_wave(double a, double b, double progress) {
  return b + (a - b) * (1 + std::cos(std::numbers::pi * progress)) / 2;
}

double one_cycle(double peak, double rise, double step, double steps) {
  const double top = rise * steps - 1, end = steps - 1;
  if (step <= top && top > 0) return half_wave(peak / kFirstDivisor, peak, step / top);
  return half_wave(peak, peak / kLastDivisor, end > top ? std::min(1.0, (step - top) / (end - top)) : 1.0);
}

}  // namespace

double LearningRateSchedule::peak() const {
  if (scaling == RateScaling::none) return lr;
  const double batches = base_batch > 0 ? batch / base_batch : 1.0;
  return scaling == RateScaling::sqrt ? lr * std::sqrt(batches * workers) : lr * batches * workers;
}

double LearningRateSchedule::first_drop() const {
  const bool drops_in_run = shape == RateShape::drops && !drops.empty() && (epochs == 0 || drops.front() < epochs);
  return drops_in_run ? drops.front() : std::numeric_limits<double>::infinity();
}

double LearningRateSchedule::warm_up() const {
  if (shape == RateShape::one_cycle || peak() <= (warmup_from > 0 ? warmup_from : lr)) return 0;
  const double limit = std::min(first_drop(), epochs > 0 ? epochs : std::numeric_limits<double>::infinity());
  return warmup_epochs < limit ? warmup_epochs : limit / 2;
}

double LearningRateSchedule::at(int64_t step, int64_t steps_per_epoch) const {
  const double epoch = double(step) / double(steps_per_epoch), top = peak(), warm = warm_up();
  const double start = warmup_from > 0 ? warmup_from : lr;
  if (epoch < warm) return start * ((top / start - 1.0) * epoch / warm + 1.0);
  if (shape == RateShape::one_cycle) return one_cycle(top, rise, double(step), epochs * double(steps_per_epoch));
  if (shape == RateShape::cosine) return half_wave(top, min_rate, std::min(1.0, (epoch - warm) / (epochs - warm)));
  double rate = top;
  for (const double drop : drops)
    if (epoch >= drop) rate *= factor;
  return rate;
}

}  // namespace skein
