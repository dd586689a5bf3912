#include "local_sgd/learning_rate.h"

#include <cmath>

namespace skein {

double LearningRateSchedule::peak() const {
  if (scaling == RateScaling::none) return lr;
  const double batches = base_batch > 0 ? batch / base_batch : 1.0;
  return scaling == RateScaling::sqrt ? lr * std::sqrt(batches * workers) : lr * batches * workers;
}

double LearningRateSchedule::at(int64_t step, int64_t steps_per_epoch) const {
  const double epoch = double(step) / double(steps_per_epoch);
  if (epoch < warmup_epochs && peak() > lr) return lr * ((peak() / lr - 1.0) * epoch / warmup_epochs + 1.0);
  double rate = peak();
  for (const double drop : drops)
    if (epoch >= drop) rate *= factor;
  return rate;
}

}  // namespace skein
