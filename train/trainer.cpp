#include "train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/activity.h"
#include "base/check.h"
#include "base/stopwatch.h"
#include "base/trace.h"
#include "train/machine/threads.h"
#include "train/training_data.h"

namespace skein {
bool Trainer::run(const TrainListener& listener) {
  while (state_.epoch < config_.epochs) {
    const Request requested = request(listener);
    if (requested == Request::stop) return false;
    if (requested == Request::save) listener.on_save();
    if (state_.step_in_epoch == steps_per_epoch_) {
      listener.on_epoch(end_epoch());
      continue;
    }
    activity::set_step(state_.step + 1);
    if (listener.before_step) listener.before_step(state_.step + 1);
    const auto begin = Clock::now();
    const double rate = learning_rate_.at(state_.step, steps_per_epoch_);
    const SyncScope started = std::exchange(state_.to_start, SyncScope::none);
    if (started != SyncScope::none) state_.under_way = started;
    const bool travels = state_.under_way != SyncScope::none;
    const SyncScope scope = averaging_after(state_.step);

    // Algorithm 1: every worker steps on its own batch; after every H steps, all average.
    pool_.run([&](Worker& w) {
      if (started != SyncScope::none) w.start_averaging(started, learning_rate_.at(state_.step - 1, steps_per_epoch_));
      w.local_step(rate, scope);
    });
    if (scope == SyncScope::none) {
      state_.to_start = at(syncs_, state_.step);
    } else if (travels) {
      pool_.run([&](Worker& w) { w.merge_averaging(scope); });
      state_.under_way = SyncScope::none;
    } else {
      pool_.run([&](Worker& w) { w.average(scope); });
    }

    ++state_.step;
    ++state_.step_in_epoch;
    log_.record(rate, scope, seconds_since(begin), round_steps(state_.step - 1), travels);
    if (!log_.is_reporting_point(listener.last_step)) continue;
    if (group_.size() > 1) pool_.settle();
    for (const StepMetrics& m : log_.collect()) listener.on_step(m);
  }
  return true;
}

// Algorithm 2 (post-local) and 5 (hierarchical) are other tables of scopes.
SyncScope Trainer::at(const std::vector<SyncScope>& table, int64_t step) {
  return table.empty() ? SyncScope::none : table[size_t(step)];
}

// Workers that have started again from the average of their models have no delayed averaging to merge.
SyncScope Trainer::averaging_after(int64_t step) const {
  const bool at_once = at(syncs_, step) != SyncScope::none;
  return at_once || state_.under_way != SyncScope::none ? at(merges_, step) : SyncScope::none;
}

// The models get an averaging after the last step of a run, so every step belongs to a round.
int64_t Trainer::round_steps(int64_t step) {
  if (merges_.empty()) return 0;
  if (step >= round_end_) {
    int64_t begin = step;
    while (begin > 0 && merges_[size_t(begin - 1)] == SyncScope::none) --begin;
    round_end_ = step + 1;
    while (merges_[size_t(round_end_ - 1)] == SyncScope::none) ++round_end_;
    round_steps_ = round_end_ - begin;
  }
  return round_steps_;
}

// Checks only where the log is empty, that is, after a collective call; elsewhere ranks could stop at different steps.
Trainer::Request Trainer::request(const TrainListener& listener) const {
  if (!log_.empty()) return Request::none;
  Request own = Request::none;
  if (listener.should_save && listener.should_save()) own = Request::save;
  if (listener.should_stop() || state_.step >= listener.last_step) own = Request::stop;
  return Request(group_.max(int64_t(own)));
}

Trainer::Trainer(ProcessGroup& group, const ModelInfo& info, const Splits& data, const TrainState& start)
    : group_(group),
      info_(info),
      config_(info_.config),
      learning_rate_(rate_schedule(config_)),
      steps_per_epoch_(skein::steps_per_epoch(config_, data.train.size())),
      state_(start),
      pool_(group, info_, data.train, start),
      log_(group, pool_, config_, steps_per_epoch_, state_),
      evaluator_(group, pool_, info_, data) {
  state_.threads_per_worker = threads_per_worker(config_, group.size());
  if (averages(config_)) connect_workers();
}

void Trainer::connect_workers() {
  AveragingPlan plan = plan_averaging(config_, steps_per_epoch_, group_.size());
  syncs_ = std::move(plan.scopes);
  merges_ = std::move(plan.merges);
  pool_.connect(plan.options);
}

EpochMetrics Trainer::end_epoch() {
  const Span span("evaluation");
  const auto begin = Clock::now();
  const auto predictions = std::make_shared<Predictions>();
  const Score test = evaluator_.test_model(state_.step, predictions.get());
  const bool last = state_.epoch + 1 == config_.epochs;
  std::optional<Score> local;
  if (size() > 1 && (config_.eval_local == EvalLocal::every || (config_.eval_local == EvalLocal::last && last)))
    local = evaluator_.test_workers();
  const std::optional<Score> ema = config_.ema > 0 ? std::optional(evaluator_.test_ema(state_.step)) : std::nullopt;
  if (!std::isfinite(test.loss))
    group_.fail_on_all_ranks(
        fmt::format("the loss on the test images is {} after epoch {}: the model has left the range "
                    "of its numbers; lower --lr, or lengthen the warm-up",
                    test.loss, state_.epoch + 1));
  const double evaluating = seconds_since(begin);
  state_.seconds += evaluating;

  EpochTotals totals = std::exchange(state_.totals, {});
  totals.times.evaluate = evaluating;
  const double images = double(totals.images);
  ++state_.epoch;
  state_.step_in_epoch = 0;
  const bool best = state_.averaged.add(test.top1, state_.epoch);
  if (local) state_.local.add(local->top1, state_.epoch);
  if (ema) state_.ema.add(ema->top1, state_.epoch);
  return {.epoch = state_.epoch,
          .step = state_.step,
          .lr = learning_rate_.at(state_.step - 1, steps_per_epoch_),
          .train_loss = totals.loss / images,
          .train_top1 = 100.0 * double(totals.correct) / images,
          .test = test,
          .local = local,
          .ema = ema,
          .images_per_second = images / totals.seconds,
          .seconds = state_.seconds,
          .rounds = state_.rounds,
          .best = best,
          .times = totals.times,
          .histograms =
              group_.is_root() ? weight_histograms(evaluator_.model_parameters(state_.step)) : std::vector<Histogram>(),
          .layers = group_.is_root() ? layer_norms(evaluator_.model_parameters(state_.step), worker(0).parameters())
                                     : std::vector<LayerNorms>(),
          .predictions = predictions};
}

AveragingPlan plan_averaging(const TrainConfig& c, int64_t steps_per_epoch, int64_t processes) {
  const SyncSchedule schedule = sync_schedule(c);
  AveragingPlan plan;
  plan.scopes = sync_table(
      schedule, {c.epochs * steps_per_epoch, steps_per_epoch, c.workers,
                 [rate = rate_schedule(c), steps_per_epoch](int64_t step) { return rate.at(step, steps_per_epoch); }});
  plan.options = {.block_size = schedule.block_size,
                  .gradient_steps = gradient_steps(c, plan.scopes),
                  .plain_steps = c.outer_from == OuterFrom::switch_point ? switch_step(schedule, steps_per_epoch) : 0,
                  .overlap = processes > 1 && c.workers == processes,
                  .delayed = {}};
  plan.merges = merge_table(plan.scopes, schedule.delay, plan.options.gradient_steps);
  if (schedule.delay > 0) plan.options.delayed = {.mix = schedule.mix > 0 ? std::optional(schedule.mix) : std::nullopt};
  return plan;
}

int64_t gradient_steps(const TrainConfig& c, const std::vector<SyncScope>& syncs) {
  if (c.average != Averaging::gradients) return 0;
  const auto end = std::find_if(syncs.begin(), syncs.end(), [](SyncScope s) { return s != SyncScope::world; });
  if (end == syncs.begin())
    throw BadInput(
        "--average gradients: --sync {} does not begin with averaging after every step. Only then are workers equal "
        "before a step. Give minibatch or post-local, or --average models",
        c.sync);
  return end - syncs.begin();
}

}  // namespace skein
