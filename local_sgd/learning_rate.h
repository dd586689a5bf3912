// The learning rate as a pure function of progress, with the scaling and the warm-up of Goyal et al. 2017 (arXiv
// 1706.02677, section 2), as the paper uses them for local SGD, too (arXiv 1808.07217; epfml/LocalSGD-Code):
//
//   scale = batch / base_batch * workers      (from the images of one step of all workers, never from H)
//   peak  = lr * scale (linear), lr * sqrt(scale), or lr (none)
//   start = warmup_from, or lr where that is 0
//   e < w:       start * ((peak/start - 1) * e/w + 1), linear in every step; no warm-up where peak <= start
//   drops        peak * factor^(drops so far)                          drops at the epochs in `drops`
//   cosine       min + (peak - min) * (1 + cos(pi * (e - w)/(epochs - w))) / 2
//   one-cycle    over steps s = 0..S-1, S = epochs * steps_per_epoch, r = rise*S - 1, by half waves of a cosine:
//                s <= r: peak/25 to peak at r;  then from peak to peak/250000 at S - 1;  w = 0
//
// e = step / steps_per_epoch, in epochs, that is passes over the data. base_batch = 0: lr is meant for the batch at
// hand, scale = workers. w is warmup_epochs, but half of the way to the first drop, or to the end of the run, where it
// would not end before that: a rate that falls before it has risen is never what one wants.
// Sources: cosine, arXiv 1608.03983, equation 5, without restarts: torch.optim.lr_scheduler.CosineAnnealingLR, after
// LinearLR for the warm-up. One-cycle, arXiv 1708.07120: torch.optim.lr_scheduler.OneCycleLR with its defaults and
// cycle_momentum=False; the momentum stays what it is.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/enum_names.h"

namespace skein {

enum class RateScaling : uint8_t { linear, sqrt, none };
constexpr auto names_of(RateScaling) { return std::array{"linear", "sqrt", "none"}; }

enum class RateShape : uint8_t { drops, cosine, one_cycle };
constexpr auto names_of(RateShape) { return std::array{"drops", "cosine", "one-cycle"}; }

struct LearningRateSchedule {
  double lr = 0.1;
  double base_batch = 0;
  double batch = 128;
  double workers = 1;
  double warmup_epochs = 5;
  std::vector<double> drops;  // epochs, increasing
  double factor = 0.1;
  RateScaling scaling = RateScaling::linear;
  RateShape shape = RateShape::drops;
  double epochs = 0;       // length of the run; 0: not known, allowed for drops
  double min_rate = 0;     // of a cosine
  double warmup_from = 0;  // rate at the start of the warm-up; 0: lr
  double rise = 0.3;       // of a cycle: fraction of the steps in which the rate rises

  double peak() const;
  double warm_up() const;     // w, in epochs; 0: the rate does not warm up
  double first_drop() const;  // epoch at which the rate first drops at once; infinite: never
  double at(int64_t step, int64_t steps_per_epoch) const;  // step from 0
};

}  // namespace skein
