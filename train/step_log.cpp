#include "train/step_log.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/stopwatch.h"

namespace skein {

StepLog::StepLog(ProcessGroup& group, WorkerPool& pool, const TrainConfig& config, int64_t steps_per_epoch,
                 TrainState& state)
    : group_(group),
      pool_(pool),
      steps_per_epoch_(steps_per_epoch),
      state_(state),
      round_(config.workers, sync_schedule(config).block_size) {
  if (!config.net.empty()) network_ = parse_network(fmt::format("{}", fmt::join(config.net, ";")));
}

void StepLog::record(double rate, SyncScope scope, double seconds, int64_t round_steps, bool overlaps) {
  steps_.push_back({.step = state_.step,
                    .epoch = state_.epoch + 1,
                    .loss = 0,
                    .lr = rate,
                    .wait_ms = 0,
                    .step_in_epoch = state_.step_in_epoch,
                    .images = 0,
                    .totals = {},
                    .sync = scope,
                    .sent = {},
                    .seconds = 0,
                    .round_steps = round_steps,
                    .overlaps = overlaps,
                    .round = {}});
  seconds_ += seconds;
}

bool StepLog::is_reporting_point(int64_t last_step) const {
  const bool one_process = group_.size() == 1;
  if (one_process && pool_.device() == Device::cpu) return true;
  if (!one_process && !steps_.empty() && steps_.back().sync == SyncScope::world && !steps_.back().overlaps) return true;
  return state_.step % kMaxUncollectedSteps == 0 || state_.step_in_epoch == steps_per_epoch_ ||
         state_.step >= last_step;
}

std::vector<StepMetrics> StepLog::collect() {
  const auto begin = Clock::now();
  const std::vector<StepResult> results = collect_results();
  std::vector<StepMetrics> steps = std::exchange(steps_, {});
  const double seconds = (std::exchange(seconds_, 0) + seconds_since(begin)) / double(steps.size());
  const auto workers = size_t(pool_.run_size());
  for (size_t s = 0; s < steps.size(); ++s) {
    const auto of_step = std::span(results).subspan(s * workers, workers);
    add_results(of_step, steps[s]);
    add_communication(of_step, steps[s]);
    state_.totals.seconds += seconds;
    state_.seconds += seconds;
    steps[s].seconds = seconds;
    add_times(of_step, steps[s]);
    round_.add(of_step, seconds);
    if (steps[s].sync != SyncScope::none)
      steps[s].round = round_.finish(of_step, steps[s].sync, state_.rounds.world, steps[s].round_steps);
    steps[s].totals = state_.totals;
  }
  return steps;
}

// The results of all workers of the run: by step, then by rank.
std::vector<StepResult> StepLog::collect_results() {
  std::vector<StepResult> own;  // of this process's workers: by worker, then by step
  for (int64_t i = 0; i < pool_.size(); ++i) {
    const std::vector<StepResult> steps = pool_.worker(i).collect();
    own.insert(own.end(), steps.begin(), steps.end());
  }
  // Ranks are contiguous in a process, so the gathered results are by rank, then by step.
  const std::vector<StepResult> by_rank = group_.all_gather<StepResult>(own);
  const size_t steps = steps_.size(), workers = size_t(pool_.run_size());
  std::vector<StepResult> by_step(steps * workers);
  for (size_t rank = 0; rank < workers; ++rank)
    for (size_t s = 0; s < steps; ++s) by_step[s * workers + rank] = by_rank[rank * steps + s];
  return by_step;
}

void StepLog::add_results(std::span<const StepResult> workers, StepMetrics& step) {
  EpochTotals& totals = state_.totals;
  for (const StepResult& r : workers) {
    if (!std::isfinite(r.output.loss))
      group_.fail_on_all_ranks(fmt::format(
          "the loss is {} at step {} (epoch {}, step {} of {}); lower --lr, or lengthen the warm-up",
          std::abs(r.output.loss) / double(r.images), step.step, step.epoch, step.step_in_epoch, steps_per_epoch_));
    totals.loss += r.output.loss;
    totals.images += r.images;
    totals.correct += r.output.correct;
    step.images += r.images;
    step.loss += r.output.loss;
    step.wait_ms = std::max(step.wait_ms, r.wait_ms);
  }
  step.loss /= double(step.images);
  step.sent = workers[0].sent;
}

void StepLog::add_times(std::span<const StepResult> workers, const StepMetrics& step) {
  EpochTimes& times = state_.totals.times;
  double slowest = 0;
  for (const StepResult& r : workers) slowest = std::max(slowest, r.output.seconds);
  times.data += 1e-3 * step.wait_ms;
  times.compute += slowest;
  if (step.sync != SyncScope::none) times.average += round_.averaging_seconds(workers, step.sync);
}

// The simulated clock: a step lasts as long as its slowest worker, an averaging as long as its busiest. A delayed
// averaging is merged after the last of the steps that overlap with it.
void StepLog::add_communication(std::span<const StepResult> workers, const StepMetrics& step) {
  const SyncScope scope = step.sync;
  CommunicationTotals& totals = state_.rounds;
  double slowest = 0;
  Traffic busiest;
  for (const StepResult& r : workers) {
    slowest = std::max(slowest, r.output.seconds);
    if (r.sent.bytes >= busiest.bytes) busiest = r.sent;
  }
  totals.compute += slowest;
  if (step.overlaps) totals.overlap += slowest;
  if (scope == SyncScope::none) return;
  (scope == SyncScope::world ? totals.world : totals.block) += 1;
  totals.bytes += workers[0].sent.bytes;
  const auto add_to = [&](Traffic& sum) { sum.bytes += busiest.bytes, sum.rounds += busiest.rounds; };
  add_to(totals.sent.of(scope));
  if (step.overlaps) add_to(totals.delayed.of(scope));
  if (network_) totals.network = network_->seconds(totals.sent, totals.delayed, totals.overlap);
}

}  // namespace skein
