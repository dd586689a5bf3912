#include "apps/trainer.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "apps/machine.h"
#include "comm/nccl_communicator.h"
#include "engine/stopwatch.h"
#include "kernels/check.h"

namespace skein {
namespace {

std::vector<std::unique_ptr<Worker>> make_workers(const Job& job, const ModelCard& card, const Dataset& train,
                                                  const TrainState& start, const Lanes& lanes) {
  const int64_t workers = card.config.workers, local = workers_of_process(card.config, job.size());
  CHECK(local * job.size() == workers, "{} workers in {} processes", workers, job.size());
  std::vector<std::unique_ptr<Worker>> all;
  for (int64_t i = 0; i < local; ++i)
    all.push_back(std::make_unique<Worker>(card, train, start, job.rank() * local + i, lanes.queue(i)));
  return all;
}

// Models on GPUs travel over NCCL; what processes tell each other of the run goes the way that the job has.
std::unique_ptr<Communicator> join_processes(Job& job, Queue queue) {
  if (queue.device == Device::cpu) return job.processes().split(0);
  NcclId id{};
  job.together([&] {
    const NcclApi& nccl = nccl_library();
    if (job.first()) id = make_nccl_id(nccl);
  });
  return join_nccl(nccl_library(), job.value_of_first(id), job.rank(), job.size(), queue);
}

double first_drop(const TrainConfig& c) { return (c.drops.empty() ? 1.0 : c.drops.front()) * double(c.epochs); }

}  // namespace

RateSchedule rate_schedule(const TrainConfig& c) {
  RateSchedule s{c.lr, c.base_batch, double(c.batch * c.accumulate), double(c.workers), c.warmup_epochs,
                 {},   c.drop_factor};
  for (double fraction : c.drops) s.drops.push_back(fraction * double(c.epochs));
  if (c.lr_scaling == "sqrt") s.scaling = RateScaling::sqrt;
  if (c.lr_scaling == "none") s.scaling = RateScaling::none;
  return s;
}

int64_t gradient_steps(const TrainConfig& c, const std::vector<Sync>& syncs) {
  if (c.average != "gradients") return 0;
  if (c.compress != "none" || c.outer_momentum != 0 || c.outer_rate != 1)
    throw BadInput(
        "--average gradients: gradients travel as f32 and know no outer momentum. Leave out --compress and "
        "--outer-..., "
        "or give --average models");
  if (c.noise > 0)
    throw BadInput(
        "--average gradients: --noise is added to each worker's own gradient. Leave it out, or give --average models");
  const auto end = std::find_if(syncs.begin(), syncs.end(), [](Sync s) { return s != Sync::world; });
  if (end == syncs.begin())
    throw BadInput(
        "--average gradients: --sync {} does not begin with averaging after every step, only then are workers equal "
        "before a step. Give minibatch or post-local, or --average models",
        c.sync);
  return end - syncs.begin();
}

Trainer::Trainer(Job& job, const ModelCard& card, const Splits& data, const TrainState& start)
    : job_(job),
      card_(card),
      config_(card_.config),
      schedule_(rate_schedule(config_)),
      policy_(parse_sync(config_.sync, first_drop(config_))),
      steps_per_epoch_(skein::steps_per_epoch(config_, data.train.size())),
      state_(start),
      lanes_(parallel_workers(config_, job.size()), device_of(config_.device), config_.recompute),
      workers_(make_workers(job, card_, data.train, start, lanes_)),
      group_(int(local_size())),
      team_(
          local_size(), threads_per_worker(config_, job.size()),
          [this](int64_t rank, const std::string& reason) { group_.abort(int(rank), reason); },
          [gpu = current_gpu()] { use_gpu(gpu); }),
      test_batches_(data.test, evaluation_options(config_.eval_batch), lanes_.first().queue, activations(config_)) {
  state_.threads_per_worker = threads_per_worker(config_, job.size());
  if (!config_.net.empty()) network_ = parse_network(fmt::format("{}", fmt::join(config_.net, ";")));
  if (size() == 1) return;
  check_sync(*policy_, size(), double(config_.epochs));
  syncs_ = sync_table(*policy_, {config_.epochs * steps_per_epoch(), steps_per_epoch(), size(),
                                 [this](int64_t step) { return schedule_.at(step, steps_per_epoch()); }});
  gradient_steps_ = gradient_steps(config_, syncs_);
  averaged_ = std::make_unique<AveragedModel>(card_, data.train, lanes_.first().queue);
  team_.run([&](int64_t i) {
    const bool processes = job_.size() > 1;
    auto world = processes ? join_processes(job_, lanes_.queue(i)) : group_.join(int(i), lanes_.queue(i));
    worker(i).connect(std::move(world), policy_->block_size(), processes);
  });
}

void Trainer::agree_on_convolutions() {
  if (job_.size() == 1) return;
  if (job_.first()) worker(0).rehearse(lanes_);
  std::string text;  // cuDNN's plans have lines
  for (const ConvChoice& c : conv_choices()) text += c.layer + '\0' + c.implementation + '\0';
  text = job_.text_of_first(text);
  std::vector<ConvChoice> made;
  for (size_t begin = 0; begin < text.size();) {
    const size_t middle = text.find('\0', begin), end = text.find('\0', middle + 1);
    made.push_back({text.substr(begin, middle - begin), text.substr(middle + 1, end - middle - 1)});
    begin = end + 1;
  }
  job_.together([&] { use_conv_choices(made); });
}

bool Trainer::run(const TrainListener& listener) {
  while (state_.epoch < config_.epochs) {
    // Processes that are apart go on: only where they meet can they stop together.
    if (waiting_.empty() && job_.most(listener.should_stop() || state_.step >= listener.last_step)) return false;
    if (state_.step_in_epoch == steps_per_epoch()) {
      listener.on_epoch(end_epoch());
      continue;
    }
    step();
    if (!meets(listener.last_step)) continue;
    for (const StepMetrics& m : settle()) listener.on_step(m);
  }
  return true;
}

// Every worker takes a step on a batch of its own; then they average, if it is time to.
void Trainer::step() {
  const auto begin = Clock::now();
  const double rate = schedule_.at(state_.step, steps_per_epoch());
  const Sync sync = size() > 1 ? syncs_[size_t(state_.step)] : Sync::none;
  const bool gradients = state_.step < gradient_steps_;
  const size_t before = waiting_.size();
  waiting_.resize(before + size_t(local_size()));
  team_.run([&](int64_t i) { waiting_[before + size_t(i)] = worker(i).compute(lanes_, state_.step, rate, gradients); });
  if (sync != Sync::none)
    team_.run([&](int64_t i) {
      worker(i).meet(sync, gradients);
      waiting_[before + size_t(i)].sent = worker(i).newly_sent();
    });
  ++state_.step;
  ++state_.step_in_epoch;
  waiting_seconds_ += seconds_since(begin);
}

// After the step just taken, is it time to see what came out, and for the processes to exchange it? Where nobody would
// have to wait, at once; processes where they have waited for each other already, and where nobody may run ahead.
bool Trainer::meets(int64_t last_step) const {
  const bool alone = job_.size() == 1;
  return (alone && lanes_.queue(0).device == Device::cpu) ||
         (!alone && size() > 1 && syncs_[size_t(state_.step - 1)] == Sync::world) || state_.step % kStepsApart == 0 ||
         state_.step_in_epoch == steps_per_epoch() || state_.step >= last_step;
}

// The steps since the processes last met, as all workers of the run took them.
std::vector<StepMetrics> Trainer::settle() {
  const auto begin = Clock::now();
  for (int64_t i = 0; i < local_size(); ++i) {
    const std::vector<Computed> computed = worker(i).collect();
    for (size_t s = 0; s < computed.size(); ++s) waiting_[s * size_t(local_size()) + size_t(i)].computed = computed[s];
  }
  const std::vector<StepResult> all = job_.gather<StepResult>(waiting_);
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
                  .sync = size() > 1 ? syncs_[size_t(number - 1)] : Sync::none,
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
      job_.fail_together(fmt::format(
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
void Trainer::count_round(Sync sync, const StepResult* const* workers) {
  Rounds& rounds = state_.rounds;
  double slowest = 0;
  Traffic busiest;
  for (int64_t rank = 0; rank < size(); ++rank) {
    slowest = std::max(slowest, workers[rank]->computed.seconds);
    if (workers[rank]->sent.bytes >= busiest.bytes) busiest = workers[rank]->sent;
  }
  rounds.compute += slowest;
  if (sync == Sync::none) return;
  (sync == Sync::world ? rounds.world : rounds.block) += 1;
  rounds.bytes += workers[0]->sent.bytes;
  Traffic& sent = rounds.sent[size_t(sync == Sync::world ? Reach::world : Reach::block)];
  sent.bytes += busiest.bytes;
  sent.rounds += busiest.rounds;
  if (network_) rounds.network = network_->seconds(rounds.sent);
}

ParameterStore& Trainer::model_parameters() {
  if (size() == 1) return worker(0).parameters;
  if (averaged_step_ != state_.step) {
    lanes_.synchronize();
    std::vector<ParameterStore*> own;
    for (const auto& w : workers_) own.push_back(&w->parameters);
    averaged_->update(job_, own, size(), lanes_.first());
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
  for (const auto& w : workers_) own.push_back(evaluate(*w->model, test_batches_, lanes_.first().tape));
  Score mean;
  for (const Score& s : job_.gather<Score>(own)) {
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
  lanes_.synchronize();
  model_parameters();
  const Model& model = averaged_ ? *averaged_->model : *worker(0).model;
  Score test;
  if (job_.first()) test = evaluate(model, test_batches_, lanes_.first().tape);
  test = job_.value_of_first(test);
  const bool local =
      config_.eval_local == "every" || (config_.eval_local == "last" && state_.epoch + 1 == config_.epochs);
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
