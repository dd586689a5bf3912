#include "local_sgd/sync_schedule.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace skein {
namespace {

// More steps than any run has, so that (alpha / rate)^2 stays a number of steps when the rate goes to zero.
constexpr double kMaxInterval = 1e9;
constexpr double kRounding = 1 + 1e-9;  // (0.3 / 0.1)^2 is 9

std::string every(int64_t n) { return n == 1 ? "every step" : fmt::format("every {} steps", n); }

std::string describe_rule(const SyncSchedule& s) {
  const std::string local = every(s.local_steps), until = fmt::format("until epoch {:g}", s.switch_epoch);
  if (s.alpha > 0)
    return fmt::format("local SGD, quadratic rule: every max({}, ({:g} / rate)^2) steps", s.local_steps, s.alpha);
  if (s.block_size > 0)
    return fmt::format("hierarchical local SGD (algorithm 5): {}{} within blocks of {}, {} among all",
                       s.switch_epoch > 0 ? fmt::format("every step {}, then ", until) : "", local, s.block_size,
                       every(s.local_steps * s.block_steps));
  if (s.reversed) return fmt::format("reverse post-local SGD: {} {}, then every step", local, until);
  if (s.switch_epoch > 0) return fmt::format("post-local SGD (algorithm 2): every step {}, then {}", until, local);
  return s.local_steps > 1 ? fmt::format("local SGD (algorithm 1): {}", local) : "mini-batch SGD: every step";
}

std::string describe_delay(const SyncSchedule& s) {
  if (s.delay == 0) return {};
  return fmt::format(", merged {} later{}", s.delay == 1 ? "a step" : fmt::format("{} steps", s.delay),
                     s.mix > 0 ? fmt::format(" with weight {:g}", s.mix) : "");
}

// H in the epoch that is `begun` epochs after H began to hold.
int64_t warmed_up(const WarmUp& w, int64_t h, double begun) {
  const int64_t p = w.epochs, e = int64_t(begun) + 1;
  if (w.shape == WarmUp::none || e > p) return h;
  if (w.shape == WarmUp::linear) return std::max<int64_t>(1, e * h / p);
  if (w.shape == WarmUp::exponential)
    return std::clamp<int64_t>(int64_t(std::pow(double(h), double(e) / double(p)) * kRounding), 1, h);
  return 1;
}

// H of a round whose first step has this rate, before the warm-up.
int64_t steps_of_round(const SyncSchedule& s, double rate) {
  if (s.alpha == 0 || rate <= 0) return s.local_steps;
  return std::max(s.local_steps, int64_t(std::min(kMaxInterval, std::pow(s.alpha / rate, 2) * kRounding)));
}

// Steps between two averagings, at a step that begins at `epoch`, where H holds.
int64_t interval(const SyncSchedule& s, double epoch, double epochs_since_drop, int64_t h) {
  double begun = epoch - (s.reversed ? 0 : s.switch_epoch);
  if (s.warm_up.restart) begun = std::min(begun, epochs_since_drop);
  return warmed_up(s.warm_up, h, begun);
}

// [s]: the highest rate of step s and all that follow.
std::vector<double> highest_rate_ahead(const RunLength& run) {
  std::vector<double> highest(size_t(run.steps), 0.0);
  double so_far = 0;
  for (int64_t s = run.steps; s-- > 0;) highest[size_t(s)] = so_far = std::max(so_far, run.rate(s));
  return highest;
}

// A block of all ranks is the world, a block of one rank averages nothing.
SyncScope block_scope(const SyncSchedule& s, int64_t workers) {
  if (s.block_size == workers) return SyncScope::world;
  return s.block_size == 1 ? SyncScope::none : SyncScope::block;
}

}  // namespace

std::string describe(const SyncSchedule& s) {
  constexpr const char* kShapes[] = {"no", "constant", "linear", "exponential"};
  const std::string rule = describe_rule(s) + describe_delay(s);
  if (s.warm_up.shape == WarmUp::none) return rule;
  return fmt::format("{}; {} warm-up of H over {} epochs{}", rule, kShapes[s.warm_up.shape], s.warm_up.epochs,
                     s.warm_up.restart ? ", again after every drop of the rate" : "");
}

void check_sync(const SyncSchedule& s, int64_t workers, double epochs) {
  if (s.block_size > 0 && workers % s.block_size != 0)
    throw BadInput("--sync: block={} does not divide the {} workers; give a divisor of {}, or other --workers",
                   s.block_size, workers, workers);
  if (s.switch_epoch > 0 && s.switch_epoch >= epochs)
    throw BadInput("--sync: from={} is not before the end of the run of {} epochs; give an earlier epoch",
                   s.switch_epoch, epochs);
}

int64_t switch_step(const SyncSchedule& s, int64_t steps_per_epoch) {
  int64_t step = 0;
  while (double(step) / double(steps_per_epoch) < s.switch_epoch) ++step;
  return step;
}

std::vector<SyncScope> sync_table(const SyncSchedule& schedule, const RunLength& run) {
  CHECK(run.steps_per_epoch >= 1 && run.rate, "{} steps per epoch", run.steps_per_epoch);
  const std::vector<double> rate = highest_rate_ahead(run);
  std::vector<SyncScope> table(size_t(run.steps), SyncScope::none);
  int64_t since_sync = 0, h = 0, block_rounds = 0, drop = 0;  // block_rounds: since the last averaging among all
  for (int64_t s = 0; s < run.steps; ++s) {
    if (s > 0 && run.rate(s) < run.rate(s - 1)) drop = s;
    const double epoch = double(s) / double(run.steps_per_epoch);
    const double epochs_since_drop = double(s - drop) / double(run.steps_per_epoch);
    const bool local = (epoch >= schedule.switch_epoch) != schedule.reversed && s + 1 < run.steps;
    if (since_sync++ == 0) h = steps_of_round(schedule, rate[size_t(s)]);
    if (local && since_sync < interval(schedule, epoch, epochs_since_drop, h)) continue;
    since_sync = 0;
    if (local && ++block_rounds < schedule.block_steps) {
      table[size_t(s)] = block_scope(schedule, run.workers);
    } else {
      block_rounds = 0;
      table[size_t(s)] = SyncScope::world;
    }
  }
  return table;
}

std::vector<SyncScope> merge_table(const std::vector<SyncScope>& syncs, int64_t delay, int64_t at_once) {
  std::vector<SyncScope> merges(syncs.size(), SyncScope::none);
  int64_t next = 0;  // the averaging after this one; 0: there is none
  for (int64_t s = std::ssize(syncs) - 1; s >= 0; --s) {
    if (syncs[size_t(s)] == SyncScope::none) continue;
    const bool delayed = delay > 0 && s >= at_once && next > s + delay;
    merges[size_t(delayed ? s + delay : s)] = syncs[size_t(s)];
    next = s;
  }
  return merges;
}

}  // namespace skein
