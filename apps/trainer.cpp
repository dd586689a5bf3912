#include "apps/trainer.h"

#include <chrono>
#include <cmath>
#include <utility>

#include "data/partition.h"
#include "kernels/check.h"

namespace skein {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// The batch after the last one that was trained on: the next epoch's first when this epoch only lacks its evaluation.
LoaderOptions training_options(const TrainConfig& config, const Dataset& train, const TrainState& start) {
  const int64_t steps = steps_per_epoch(train.size(), config.workers, config.batch);
  const int64_t done = start.epoch * steps + start.step_in_epoch;
  if (done != start.step || start.step_in_epoch < 0 || start.step_in_epoch > steps)
    throw BadInput(
        "dataset '{}': {} steps per epoch do not fit the checkpoint (step {} = step {} of epoch {}). Resume with the "
        "data that the run began with",
        train.name, steps, start.step, start.step_in_epoch, start.epoch + 1);
  LoaderOptions options;
  options.batch = config.batch;
  options.workers = config.workers;
  options.seed = uint64_t(config.seed);
  options.augment = config.augment;
  options.epoch = done / steps;
  options.step = done % steps;
  return options;
}

}  // namespace

RateSchedule rate_schedule(const TrainConfig& c) {
  RateSchedule s{c.lr, c.base_batch, double(c.batch), double(c.workers), c.warmup_epochs, {}, c.drop_factor};
  for (double fraction : c.drops) s.drops.push_back(fraction * double(c.epochs));
  return s;
}

Worker::Worker(const ModelCard& card, const Dataset& train, const TrainState& start, Queue queue)
    : model(make_model(card.config.model, card.model_options(), parameters)),
      sgd(parameters, {float(card.config.momentum), float(card.config.weight_decay), card.config.nesterov}, queue),
      arena(queue.device),
      tape(queue, arena),
      graph(queue),
      batches(train, training_options(card.config, train, start)) {
  parameters.build(queue.device, uint64_t(card.config.seed));
}

Loss Worker::step(const Batch& batch, double rate) {
  Loss loss;
  sgd.set_rate(float(rate));
  graph.run([&] {
    tape.reset();
    loss = cross_entropy(model->forward(tape.input(batch.images)), batch.labels);
    tape.backward(loss.mean);
    sgd.step();
  });
  return loss;
}

Trainer::Trainer(const ModelCard& card, const Splits& data, const TrainState& start)
    : config_(card.config),
      schedule_(rate_schedule(config_)),
      state_(start),
      worker_(card, data.train, start, Queue{Device::cpu}),
      test_batches_(data.test, evaluation_options(config_.eval_batch)) {}

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

StepMetrics Trainer::step() {
  const auto begin = Clock::now();
  const double waited = worker_.batches.wait_seconds();
  const Batch& batch = worker_.batches.next();
  const double rate = schedule_.at(state_.step, steps_per_epoch());
  const Loss result = worker_.step(batch, rate);

  const Queue& queue = worker_.tape.queue;
  float loss = 0;
  int32_t correct[2] = {};
  queue.run(cpu::copy_to_host, cuda::copy_to_host, result.mean->value, &loss);
  queue.run(cpu::copy_to_host, cuda::copy_to_host, result.correct, correct);
  ++state_.step;
  ++state_.step_in_epoch;
  if (!std::isfinite(loss))
    throw RunFailed("the loss is {} at step {} (epoch {}, step {} of {}); lower --lr, or lengthen the warm-up", loss,
                    state_.step, state_.epoch + 1, state_.step_in_epoch, steps_per_epoch());

  EpochTotals& totals = state_.totals;
  const double seconds = seconds_since(begin);
  totals.loss += double(loss) * double(batch.size);
  totals.images += batch.size;
  totals.correct += correct[0];
  totals.seconds += seconds;
  state_.seconds += seconds;
  return {state_.step,          state_.epoch + 1, loss,  rate, 1e3 * (worker_.batches.wait_seconds() - waited),
          state_.step_in_epoch, batch.size,       totals};
}

EpochMetrics Trainer::end_epoch() {
  const auto begin = Clock::now();
  const Score test = evaluate(*worker_.model, test_batches_, worker_.tape);
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
  const double rate = schedule_.at(state_.step - 1, steps_per_epoch());
  return {state_.epoch,
          state_.step,
          rate,
          totals.loss / images,
          100.0 * double(totals.correct) / images,
          test,
          images / totals.seconds,
          state_.seconds,
          best};
}

}  // namespace skein
