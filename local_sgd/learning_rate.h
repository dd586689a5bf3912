// The learning rate as a pure function of progress (Goyal et al. 2017, with the scaling of local SGD):
//
//   scale = batch / base_batch * workers                 base_batch = 0: lr is meant for the batch, scale = workers
//   peak  = lr * scale (linear), lr * sqrt(scale) (sqrt) or lr (none)
//   e < warmup:   lr * ((peak/lr - 1) * e/warmup + 1)    linear in every step; no warm-up when peak <= lr
//   e >= warmup:  peak * factor^(drops so far)           drops at the epochs in `drops`
//
// e = step / steps_per_epoch, in passes over the data. The scale counts the samples of one step of all workers; it does
// not depend on H.
#pragma once

#include <cstdint>
#include <vector>

namespace skein {

enum class RateScaling : uint8_t { linear, sqrt, none };

struct LearningRateSchedule {
  double lr = 0.1;
  double base_batch = 0;
  double batch = 128;
  double workers = 1;
  double warmup_epochs = 5;
  std::vector<double> drops;  // epochs, increasing
  double factor = 0.1;
  RateScaling scaling = RateScaling::linear;

  double peak() const;
  double at(int64_t step, int64_t steps_per_epoch) const;  // step from 0
};

}  // namespace skein
