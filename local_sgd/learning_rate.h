// The learning rate as a pure function of progress, with the scaling and the warm-up of Goyal et al. 2017 (arXiv
// 1706.02677, section 2), as the paper uses them for local SGD, too (arXiv 1808.07217; epfml/LocalSGD-Code):
//
//   scale = batch / base_batch * workers      (from the images of one step of all workers, never from H)
//   peak  = lr * scale (linear), lr * sqrt(scale), or lr (none)
//   e < warmup:  lr * ((peak/lr - 1) * e/warmup + 1), linear in every step; no warm-up where peak <= lr
//   afterwards:  peak * factor^(drops so far)                          drops at the epochs in `drops`
//
// e = step / steps_per_epoch, in epochs, that is passes over the data. base_batch = 0: lr is meant for the batch at
// hand, scale = workers.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/enum_names.h"

namespace skein {

enum class RateScaling : uint8_t { linear, sqrt, none };
constexpr auto names_of(RateScaling) { return std::array{"linear", "sqrt", "none"}; }

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
