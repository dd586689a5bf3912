#include "apps/trainer.h"

#include <fmt/ranges.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

#include "kernels/check.h"

namespace skein {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

std::vector<std::unique_ptr<Worker>> make_workers(const ModelCard& card, const Dataset& train,
                                                  const TrainState& start) {
  std::vector<std::unique_ptr<Worker>> all;
  for (int64_t rank = 0; rank < card.config.workers; ++rank)
    all.push_back(std::make_unique<Worker>(card, train, start, rank, Queue{Device::cpu}));
  return all;
}

double first_drop(const TrainConfig& c) { return (c.drops.empty() ? 1.0 : c.drops.front()) * double(c.epochs); }

}  // namespace

RateSchedule rate_schedule(const TrainConfig& c) {
  RateSchedule s{c.lr, c.base_batch, double(c.batch), double(c.workers), c.warmup_epochs, {}, c.drop_factor};
  for (double fraction : c.drops) s.drops.push_back(fraction * double(c.epochs));
  return s;
}

int64_t parallel_workers(const TrainConfig& c) {
  const int64_t threads = omp_get_max_threads();
  return std::min(c.workers, c.parallel > 0 ? c.parallel : threads);
}

int64_t threads_per_worker(const TrainConfig& c) {
  return std::max<int64_t>(1, omp_get_max_threads() / parallel_workers(c));
}

Trainer::Trainer(const ModelCard& card, const Splits& data, const TrainState& start)
    : card_(card),
      config_(card_.config),
      schedule_(rate_schedule(config_)),
      policy_(parse_sync(config_.sync, first_drop(config_))),
      state_(start),
      workers_(make_workers(card_, data.train, start)),
      lanes_(parallel_workers(config_), Queue{Device::cpu}),
      group_(int(config_.workers)),
      team_(config_.workers, threads_per_worker(config_),
            [this](int64_t rank, const std::string& reason) { group_.abort(int(rank), reason); }),
      test_batches_(data.test, evaluation_options(config_.eval_batch)),
      before_(start.rounds) {
  if (!config_.net.empty()) clock_.emplace(parse_network(fmt::format("{}", fmt::join(config_.net, ";"))));
  if (size() == 1) return;
  check_sync(*policy_, size(), double(config_.epochs));
  syncs_ = sync_table(*policy_, {config_.epochs * steps_per_epoch(), steps_per_epoch(), size(),
                                 [this](int64_t step) { return schedule_.at(step, steps_per_epoch()); }});
  averaged_ = std::make_unique<AveragedModel>(card_, Queue{Device::cpu});
  team_.run([&](int64_t rank) { worker(rank).connect(group_.join(int(rank)), policy_->block_size()); });
}

bool Trainer::run(const TrainListener& listener) {
  while (state_.epoch < config_.epochs) {
    if (listener.should_stop()) return false;
    if (state_.step_in_epoch < steps_per_epoch())
      listener.on_step(step());
    else
      listener.on_epoch(end_epoch());
  }
  return true;
}

// Every worker takes a step on a batch of its own; then they average, if it is time to.
StepMetrics Trainer::step() {
  const auto begin = Clock::now();
  const double rate = schedule_.at(state_.step, steps_per_epoch());
  const Sync sync = size() > 1 ? syncs_[size_t(state_.step)] : Sync::none;
  std::vector<StepResult> results(static_cast<size_t>(size()));
  team_.run([&](int64_t rank) {
    results[size_t(rank)] = worker(rank).step(lanes_, state_.step, rate);
    if (sync != Sync::none) worker(rank).synchronise(sync);
  });

  ++state_.step;
  ++state_.step_in_epoch;
  EpochTotals& totals = state_.totals;
  StepMetrics metrics{state_.step, state_.epoch + 1, 0, rate, 0, state_.step_in_epoch, 0, {}, sync};
  double slowest = 0;
  for (const StepResult& r : results) {
    if (!std::isfinite(r.loss))
      throw RunFailed("the loss is {} at step {} (epoch {}, step {} of {}); lower --lr, or lengthen the warm-up",
                      r.loss, state_.step, state_.epoch + 1, state_.step_in_epoch, steps_per_epoch());
    totals.loss += r.loss * double(r.images);
    totals.images += r.images;
    totals.correct += r.correct;
    metrics.images += r.images;
    metrics.loss += r.loss * double(r.images);
    metrics.wait_ms = std::max(metrics.wait_ms, r.wait_ms);
    slowest = std::max(slowest, r.compute_seconds);
  }
  metrics.loss /= double(metrics.images);
  count_round(sync, slowest);
  const double seconds = seconds_since(begin);
  totals.seconds += seconds;
  state_.seconds += seconds;
  metrics.totals = totals;
  return metrics;
}

void Trainer::count_round(Sync sync, double compute_seconds) {
  Rounds& rounds = state_.rounds;
  rounds.compute += compute_seconds;
  if (sync == Sync::none) return;
  const bool world = sync == Sync::world;
  (world ? rounds.world : rounds.block) += 1;
  rounds.bytes = before_.bytes + worker(0).traffic().bytes;
  if (!clock_) return;
  Traffic busiest;
  for (const auto& w : workers_)
    if (const Traffic t = w->last_traffic(); t.bytes >= busiest.bytes) busiest = t;
  clock_->communicate(world ? Reach::world : Reach::block, busiest);
  rounds.network =
      before_.network + clock_->communication_seconds(Reach::world) + clock_->communication_seconds(Reach::block);
}

ParameterStore& Trainer::model_parameters() {
  if (size() == 1) return worker(0).parameters;
  std::vector<ParameterStore*> all;
  for (const auto& w : workers_) all.push_back(&w->parameters);
  averaged_->update(all);
  return averaged_->parameters;
}

WorkerStates Trainer::worker_states() {
  WorkerStates all;
  for (const auto& w : workers_)
    if (size() > 1) all.push_back(w->state());
  return all;
}

Score Trainer::evaluate_local() {
  Score mean;
  for (const auto& w : workers_) {
    const Score own = evaluate(*w->model, test_batches_, lanes_.first().tape);
    mean.loss += own.loss / double(size());
    mean.top1 += own.top1 / double(size());
    mean.top5 += own.top5 / double(size());
  }
  return mean;
}

EpochMetrics Trainer::end_epoch() {
  const auto begin = Clock::now();
  model_parameters();
  const Model& model = averaged_ ? *averaged_->model : *worker(0).model;
  const Score test = evaluate(model, test_batches_, lanes_.first().tape);
  const bool local =
      config_.eval_local == "every" || (config_.eval_local == "last" && state_.epoch + 1 == config_.epochs);
  std::optional<Score> own;
  if (size() > 1 && local) own = evaluate_local();
  state_.seconds += seconds_since(begin);

  const EpochTotals totals = std::exchange(state_.totals, {});
  const double images = double(totals.images);
  ++state_.epoch;
  state_.step_in_epoch = 0;
  state_.last_top1 = test.top1;
  const bool best = test.top1 > state_.best_top1;
  if (best) {
    state_.best_top1 = test.top1;
    state_.best_epoch = state_.epoch;
  }
  return {.epoch = state_.epoch,
          .step = state_.step,
          .lr = schedule_.at(state_.step - 1, steps_per_epoch()),
          .train_loss = totals.loss / images,
          .train_top1 = 100.0 * double(totals.correct) / images,
          .test = test,
          .local = own,
          .images_per_second = images / totals.seconds,
          .seconds = state_.seconds,
          .rounds = state_.rounds,
          .best = best};
}

}  // namespace skein
