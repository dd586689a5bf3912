#include "local_sgd/sync_schedule.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.h"
#include "local_sgd/sync_parser.h"

namespace skein {
namespace {

// More steps than any run has, so that (alpha / rate)^2 stays a number of steps when the rate goes to zero.
constexpr double kMaxInterval = 1e9;
constexpr double kRounding = 1 + 1e-9;  // (0.3 / 0.1)^2 is 9

std::string plural(int64_t n, const char* unit) {
  return n == 1 ? fmt::format("every {}", unit) : fmt::format("every {} {}s", n, unit);
}

// All forms. Where H does not hold - before `from`, in the mirror from there on - all average after every step.
class FormPolicy final : public SyncPolicy {
 public:
  explicit FormPolicy(SyncForm form) : form_(std::move(form)) {}

  SyncScope after(const Progress& p) const override {
    if (p.last || !holds(p)) return SyncScope::world;
    if (p.since_sync < interval(p)) return SyncScope::none;
    return p.blocks_since_world + 1 < form_.block_rounds ? SyncScope::block : SyncScope::world;
  }

  int64_t block_size() const override { return form_.block; }
  double from() const override { return form_.from; }
  std::string describe() const override;

 private:
  bool mirrored() const { return form_.name == "reverse"; }
  bool holds(const Progress& p) const { return (p.epoch >= form_.from) != mirrored(); }

  int64_t interval(const Progress& p) const {
    int64_t h = form_.steps;
    if (form_.alpha > 0 && p.rate > 0)
      h = std::max(h, int64_t(std::min(kMaxInterval, std::pow(form_.alpha / p.rate, 2) * kRounding)));
    return warmed_up(h, p);
  }

  int64_t warmed_up(int64_t h, const Progress& p) const {
    if (form_.warmup == Warmup::none) return h;
    double begun = p.epoch - (mirrored() ? 0 : form_.from);
    if (form_.restart) begun = std::min(begun, p.epochs_since_drop);
    const int64_t n = form_.warmup_epochs, e = int64_t(begun) + 1;
    if (e > n) return h;
    switch (form_.warmup) {
      case Warmup::linear:
        return std::max<int64_t>(1, e * h / n);
      case Warmup::exponential:
        return std::min(h, int64_t{1} << (e * (std::bit_width(uint64_t(n)) - 1) / n));
      default:
        return 1;
    }
  }

  SyncForm form_;
};

std::string FormPolicy::describe() const {
  const SyncForm& f = form_;
  const std::string every = plural(f.steps, "step"), until = fmt::format("until epoch {:g}", f.from);
  std::string text;
  if (f.name == "minibatch") text = "mini-batch SGD: every step";
  if (f.name == "local") text = fmt::format("local SGD (algorithm 1): {}", every);
  if (f.name == "post-local") text = fmt::format("post-local SGD (algorithm 2): every step {}, then {}", until, every);
  if (f.name == "reverse") text = fmt::format("reverse post-local SGD: {} {}, then every step", every, until);
  if (f.name == "hierarchical")
    text = fmt::format("hierarchical local SGD (algorithm 5): {}{} within blocks of {}, {} among all",
                       f.from > 0 ? fmt::format("every step {}, then ", until) : "", every, f.block,
                       plural(f.steps * f.block_rounds, "step"));
  if (f.name == "quadratic")
    text = fmt::format("local SGD, quadratic rule: every max({}, ({:g} / rate)^2) steps", f.steps, f.alpha);
  if (f.warmup == Warmup::none) return text;
  return fmt::format("{}; {} warm-up of H over {} epochs{}", text, name_of(f.warmup), f.warmup_epochs,
                     f.restart ? ", again after every drop of the rate" : "");
}

// Of the steps from s on, for every s.
std::vector<double> highest_rate_ahead(const SyncRun& run) {
  std::vector<double> highest(size_t(run.steps), 0.0);
  double so_far = 0;
  for (int64_t s = run.steps; s-- > 0;) highest[size_t(s)] = so_far = std::max(so_far, run.rate(s));
  return highest;
}

}  // namespace

std::unique_ptr<SyncPolicy> parse_sync(const std::string& expression, double first_drop) {
  return std::make_unique<FormPolicy>(parse_sync_form(expression, first_drop));
}

void check_sync(const SyncPolicy& policy, int64_t workers, double epochs) {
  if (const int64_t block = policy.block_size(); block > 0 && workers % block != 0)
    throw BadInput("sync policy: block={} does not divide the {} workers; give a divisor of {}", block, workers,
                   workers);
  if (policy.from() > 0 && policy.from() >= epochs)
    throw BadInput("sync policy: from={} is not before the end of the run of {} epochs; give an earlier epoch",
                   policy.from(), epochs);
}

std::vector<SyncScope> sync_table(const SyncPolicy& policy, const SyncRun& run) {
  CHECK(run.steps_per_epoch >= 1 && run.rate, "{} steps per epoch", run.steps_per_epoch);
  const std::vector<double> highest = highest_rate_ahead(run);
  std::vector<SyncScope> table(size_t(run.steps), SyncScope::none);
  Progress p;
  int64_t drop = 0;
  for (int64_t s = 0; s < run.steps; ++s) {
    if (s > 0 && run.rate(s) < run.rate(s - 1)) drop = s;
    p.step = s + 1;
    p.epoch = double(s) / double(run.steps_per_epoch);
    p.rate = highest[size_t(s)];
    p.epochs_since_drop = double(s - drop) / double(run.steps_per_epoch);
    p.last = p.step == run.steps;
    ++p.since_sync;
    const SyncScope sync = policy.after(p);
    if (sync == SyncScope::none) continue;
    p.since_sync = 0;
    p.blocks_since_world = sync == SyncScope::block ? p.blocks_since_world + 1 : 0;
    table[size_t(s)] = sync == SyncScope::world || policy.block_size() == run.workers ? SyncScope::world
                       : policy.block_size() == 1                                     ? SyncScope::none
                                                                                      : SyncScope::block;
  }
  return table;
}

}  // namespace skein
