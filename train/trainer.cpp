#include "train/trainer.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/stopwatch.h"
#include "train/machine.h"

namespace skein {
namespace {

std::vector<std::unique_ptr<Worker>> make_workers(const ProcessGroup& group, const ModelInfo& info,
                                                  const Dataset& train, const TrainState& start,
                                                  const StepContextPool& contexts) {
  const int64_t workers = info.config.workers, local = workers_of_process(info.config, group.size());
  CHECK(local * group.size() == workers, "{} workers in {} processes", workers, group.size());
  std::vector<std::unique_ptr<Worker>> all;
  for (int64_t i = 0; i < local; ++i)
    all.push_back(std::make_unique<Worker>(info, train, start, group.rank() * local + i, contexts.queue(i)));
  return all;
}


}  // namespace

LearningRateSchedule rate_schedule(const TrainConfig& c) {
  LearningRateSchedule s{c.lr, c.base_batch, double(c.batch * c.accumulate), double(c.workers), c.warmup_epochs,
                         {},   c.drop_factor};
  for (double fraction : c.drops) s.drops.push_back(fraction * double(c.epochs));
  s.scaling = c.lr_scaling;
  return s;
}

int64_t gradient_steps(const TrainConfig& c, const std::vector<SyncScope>& syncs) {
  if (c.average != Averaging::gradients) return 0;
  const auto end = std::find_if(syncs.begin(), syncs.end(), [](SyncScope s) { return s != SyncScope::world; });
  if (end == syncs.begin())
    throw BadInput(
        "--average gradients: --sync {} does not begin with averaging after every step, only then are workers equal "
        "before a step. Give minibatch or post-local, or --average models",
        c.sync);
  return end - syncs.begin();
}

Trainer::Trainer(ProcessGroup& group, const ModelInfo& info, const Splits& data, const TrainState& start)
    : group_(group),
      info_(info),
      config_(info_.config),
      schedule_(rate_schedule(config_)),
      sync_schedule_(parse_sync(config_.sync, first_drop(config_))),
      steps_per_epoch_(skein::steps_per_epoch(config_, data.train.size())),
      state_(start),
      contexts_(parallel_workers(config_, group.size()), device_of(config_.device), config_.recompute),
      workers_(make_workers(group, info_, data.train, start, contexts_)),
      communicators_(group, int(local_size())),
      worker_threads_(
          local_size(), threads_per_worker(config_, group.size()),
          [this](int64_t rank, const std::string& reason) { communicators_.abort(int(rank), reason); },
          [gpu = current_gpu()] { use_gpu(gpu); }),
      test_batches_(make_loader(data.test, evaluation_options(config_.eval_batch), contexts_.first().queue,
                                activations(config_))) {
  state_.threads_per_worker = threads_per_worker(config_, group.size());
  if (!config_.net.empty()) network_ = parse_network(fmt::format("{}", fmt::join(config_.net, ";")));
  if (size() == 1) return;
  syncs_ = sync_table(sync_schedule_, {config_.epochs * steps_per_epoch(), steps_per_epoch(), size(),
                                       [this](int64_t step) { return schedule_.at(step, steps_per_epoch()); }});
  gradient_steps_ = gradient_steps(config_, syncs_);
  averaged_ = std::make_unique<AveragedModel>(info_, data.train, contexts_.first().queue);
  worker_threads_.run([&](int64_t i) {
    auto world = communicators_.join(int(i), contexts_.queue(i));
    worker(i).connect(std::move(world), sync_schedule_.block_size, group_.size() > 1);
  });
}

void Trainer::agree_on_convolutions() {
  if (group_.size() == 1) return;
  if (group_.is_root()) worker(0).warm_up_convolutions(contexts_);
  std::string text;  // cuDNN's plans have lines
  for (const ConvChoice& c : conv_choices()) text += c.layer + '\0' + c.implementation + '\0';
  text = group_.broadcast_text(text);
  std::vector<ConvChoice> made;
  for (size_t begin = 0; begin < text.size();) {
    const size_t middle = text.find('\0', begin), end = text.find('\0', middle + 1);
    made.push_back({text.substr(begin, middle - begin), text.substr(middle + 1, end - middle - 1)});
    begin = end + 1;
  }
  group_.on_all_ranks([&] { use_conv_choices(made); });
}

bool Trainer::run(const TrainListener& listener) {
  while (state_.epoch < config_.epochs) {
    // Processes that are apart go on: only where they meet can they stop together.
    if (waiting_.empty() && group_.max(listener.should_stop() || state_.step >= listener.last_step)) return false;
    if (state_.step_in_epoch == steps_per_epoch()) {
      listener.on_epoch(end_epoch());
      continue;
    }
    step();
    if (!is_reporting_point(listener.last_step)) continue;
    for (const StepMetrics& m : collect_metrics()) listener.on_step(m);
  }
  return true;
}

// Every worker takes a step on a batch of its own; then they average, if it is time to.
void Trainer::step() {
  const auto begin = Clock::now();
  const double rate = schedule_.at(state_.step, steps_per_epoch());
  const SyncScope sync = size() > 1 ? syncs_[size_t(state_.step)] : SyncScope::none;
  const bool gradients = state_.step < gradient_steps_;
  const size_t before = waiting_.size();
  waiting_.resize(before + size_t(local_size()));
  worker_threads_.run(
      [&](int64_t i) { waiting_[before + size_t(i)] = worker(i).local_step(contexts_, state_.step, rate, gradients); });
  if (sync != SyncScope::none)
    worker_threads_.run([&](int64_t i) {
      worker(i).average(sync, gradients);
      waiting_[before + size_t(i)].sent = worker(i).newly_sent();
    });
  ++state_.step;
  ++state_.step_in_epoch;
  waiting_seconds_ += seconds_since(begin);
}

// After the step just taken, is it time to see what came out, and for the processes to exchange it? Where nobody would
// have to wait, at once; processes where they have waited for each other already, and where nobody may run ahead.
bool Trainer::is_reporting_point(int64_t last_step) const {
  const bool alone = group_.size() == 1;
  return (alone && contexts_.queue(0).device == Device::cpu) ||
         (!alone && size() > 1 && syncs_[size_t(state_.step - 1)] == SyncScope::world) ||
         state_.step % kStepsApart == 0 || state_.step_in_epoch == steps_per_epoch() || state_.step >= last_step;
}

// The steps since the processes last met, as all workers of the run took them.
std::vector<StepMetrics> Trainer::collect_metrics() {
  const auto begin = Clock::now();
  for (int64_t i = 0; i < local_size(); ++i) {
    const std::vector<StepOutput> computed = worker(i).collect();
    for (size_t s = 0; s < computed.size(); ++s) waiting_[s * size_t(local_size()) + size_t(i)].computed = computed[s];
  }
  const std::vector<StepResult> all = group_.all_gather<StepResult>(waiting_);
  const int64_t local = local_size(), steps = int64_t(waiting_.size()) / local;
  waiting_.clear();
  const double seconds = (std::exchange(waiting_seconds_, 0) + seconds_since(begin)) / double(steps);
  std::vector<StepMetrics> metrics;
  for (int64_t s = 0; s < steps; ++s) {
    const int64_t back = steps - 1 - s, number = state_.step - back;
    std::vector<const StepResult*> workers;
    for (int64_t rank = 0; rank < size(); ++rank)
      workers.push_back(&all[size_t((rank / local * steps + s) * local + rank % local)]);
    StepMetrics m{.step = number,
                  .epoch = state_.epoch + 1,
                  .loss = 0,
                  .lr = schedule_.at(number - 1, steps_per_epoch()),
                  .wait_ms = 0,
                  .step_in_epoch = state_.step_in_epoch - back,
                  .images = 0,
                  .totals = {},
                  .sync = size() > 1 ? syncs_[size_t(number - 1)] : SyncScope::none,
                  .sent = workers[0]->sent};
    add_up(workers.data(), m);
    count_round(m.sync, workers.data());
    state_.totals.seconds += seconds;
    state_.seconds += seconds;
    m.totals = state_.totals;
    metrics.push_back(m);
  }
  return metrics;
}

void Trainer::add_up(const StepResult* const* workers, StepMetrics& metrics) {
  EpochTotals& totals = state_.totals;
  for (int64_t rank = 0; rank < size(); ++rank) {
    const StepResult& r = *workers[rank];
    if (!std::isfinite(r.computed.loss))
      group_.fail_on_all_ranks(fmt::format(
          "the loss is {} at step {} (epoch {}, step {} of {}); lower --lr, or lengthen the warm-up",
          r.computed.loss / double(r.images), metrics.step, metrics.epoch, metrics.step_in_epoch, steps_per_epoch()));
    totals.loss += r.computed.loss;
    totals.images += r.images;
    totals.correct += r.computed.correct;
    metrics.images += r.images;
    metrics.loss += r.computed.loss;
    metrics.wait_ms = std::max(metrics.wait_ms, r.wait_ms);
  }
  metrics.loss /= double(metrics.images);
}

// A step lasts as long as its slowest worker, an averaging as long as its busiest.
void Trainer::count_round(SyncScope sync, const StepResult* const* workers) {
  CommunicationTotals& rounds = state_.rounds;
  double slowest = 0;
  Traffic busiest;
  for (int64_t rank = 0; rank < size(); ++rank) {
    slowest = std::max(slowest, workers[rank]->computed.seconds);
    if (workers[rank]->sent.bytes >= busiest.bytes) busiest = workers[rank]->sent;
  }
  rounds.compute += slowest;
  if (sync == SyncScope::none) return;
  (sync == SyncScope::world ? rounds.world : rounds.block) += 1;
  rounds.bytes += workers[0]->sent.bytes;
  Traffic& sent = rounds.sent.of(sync);
  sent.bytes += busiest.bytes;
  sent.rounds += busiest.rounds;
  if (network_) rounds.network = network_->seconds(rounds.sent);
}

ParameterStore& Trainer::model_parameters() {
  if (size() == 1) return worker(0).parameters;
  if (averaged_step_ != state_.step) {
    contexts_.synchronize();
    std::vector<ParameterStore*> own;
    for (const auto& w : workers_) own.push_back(&w->parameters);
    averaged_->update(group_, own, contexts_.first());
    averaged_step_ = state_.step;
  }
  return averaged_->parameters;
}

WorkerStates Trainer::worker_states() {
  WorkerStates own;
  for (const auto& w : workers_)
    if (size() > 1) own[w->rank()] = w->state();
  return own;
}

Score Trainer::evaluate_local() {
  std::vector<Score> own;
  for (const auto& w : workers_) own.push_back(evaluate(*w->model, *test_batches_, contexts_.first().tape));
  Score mean;
  for (const Score& s : group_.all_gather<Score>(own)) {
    mean.loss += s.loss / double(size());
    mean.top1 += s.top1 / double(size());
    mean.top5 += s.top5 / double(size());
  }
  return mean;
}

// Takes the epoch, which is done now, into the records of the last and the best.
bool Trainer::is_best(const Score& test, const std::optional<Score>& local) {
  state_.averaged.add(test.top1, state_.epoch);
  if (local) state_.local.add(local->top1, state_.epoch);
  return state_.averaged.best_epoch == state_.epoch;
}

EpochMetrics Trainer::end_epoch() {
  const auto begin = Clock::now();
  contexts_.synchronize();
  model_parameters();
  const Model& model = averaged_ ? *averaged_->model : *worker(0).model;
  Score test;
  if (group_.is_root()) test = evaluate(model, *test_batches_, contexts_.first().tape);
  test = group_.broadcast(test);
  const bool local = config_.eval_local == EvalLocal::every ||
                     (config_.eval_local == EvalLocal::last && state_.epoch + 1 == config_.epochs);
  std::optional<Score> own;
  if (size() > 1 && local) own = evaluate_local();
  state_.seconds += seconds_since(begin);

  const EpochTotals totals = std::exchange(state_.totals, {});
  const double images = double(totals.images);
  ++state_.epoch;
  state_.step_in_epoch = 0;
  const bool best = is_best(test, own);
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
