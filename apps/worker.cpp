#include "apps/worker.h"

#include <chrono>

#include "data/partition.h"
#include "engine/gradient.h"
#include "kernels/check.h"

namespace skein {
namespace {

using Clock = std::chrono::steady_clock;

// The batch after the last one that was trained on: the next epoch's first when this epoch only lacks its evaluation.
LoaderOptions training_options(const TrainConfig& config, const Dataset& train, const TrainState& start, int64_t rank) {
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
  options.rank = rank;
  options.seed = uint64_t(config.seed);
  options.augment = config.augment;
  options.partition = parse_partition(config.partition);
  options.epoch = steps > 0 ? done / steps : 0;
  options.step = steps > 0 ? done % steps : 0;
  return options;
}

// LARS decays the weights itself.
SgdHyper hyper(const TrainConfig& c) {
  SgdHyper h;
  h.momentum = float(c.momentum);
  h.decay = c.lars > 0 ? 0.0f : float(c.weight_decay);
  h.nesterov = c.nesterov;
  h.sign = c.sign_step;
  return h;
}

}  // namespace

Worker::Worker(const ModelCard& card, const Dataset& train, const TrainState& start, int64_t rank, Queue queue)
    : model(make_model(card.config.model, card.model_options(), parameters)),
      batches(train, training_options(card.config, train, start, rank)),
      config_(card.config),
      rank_(rank),
      queue_(queue),
      step_(Tensor::zeros(queue.device, DType::i32, {1})),
      sgd_(parameters, hyper(card.config), queue),
      graph_(queue) {
  parameters.build(queue.device, uint64_t(card.config.seed));
}

void Worker::connect(std::unique_ptr<Communicator> world, int64_t block_size) {
  const OuterMomentum outer{float(config_.outer_momentum), float(config_.outer_rate), config_.outer_nesterov};
  world_ = std::move(world);
  world_averager_ =
      std::make_unique<ModelAverager>(parameters, make_compressor(config_.compress, parameters, queue_), outer, queue_);
  if (block_size == 0) return;
  block_ = world_->split(int(world_->rank() / block_size));
  block_averager_ =
      std::make_unique<ModelAverager>(parameters, make_compressor(config_.compress, parameters, queue_), outer, queue_);
}

void Worker::adjust_gradients() {
  if (config_.lars > 0) scale_gradients(parameters, {float(config_.lars), float(config_.weight_decay)}, queue_);
  if (config_.noise > 0)
    add_noise(parameters, float(config_.noise),
              {uint64_t(config_.seed), uint32_t(rank_), step_.view().as<const uint32_t>()}, queue_);
}

StepResult Worker::step(Lanes& lanes, int64_t step, double rate) {
  const double waited = batches.wait_seconds();
  const Batch& batch = batches.next();
  StepResult result;
  result.images = batch.size;
  result.wait_ms = 1e3 * (batches.wait_seconds() - waited);
  sgd_.set_rate(float(rate));
  const int32_t number = int32_t(step);
  queue_.run(cpu::copy_from_host, cuda::copy_from_host, &number, step_);
  lanes.with([&](Lane& lane) {
    const auto begin = Clock::now();
    Loss loss;
    graph_.run([&] {
      lane.tape.reset();
      loss = cross_entropy(model->forward(lane.tape.input(batch.images)), batch.labels);
      lane.tape.backward(loss.mean);
      adjust_gradients();
      sgd_.step();
    });
    float mean = 0;
    int32_t correct[2] = {};
    queue_.run(cpu::copy_to_host, cuda::copy_to_host, loss.mean->value, &mean);
    queue_.run(cpu::copy_to_host, cuda::copy_to_host, loss.correct, correct);
    result.loss = double(mean);
    result.correct = correct[0];
    result.compute_seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  });
  return result;
}

void Worker::synchronise(Sync sync) {
  const Traffic before = traffic();
  if (sync == Sync::world) world_averager_->average(*world_);
  if (sync == Sync::block) block_averager_->average(*block_);
  const Traffic after = traffic();
  last_traffic_ = {after.bytes - before.bytes, after.rounds - before.rounds};
}

Traffic Worker::traffic() const {
  Traffic sum;
  for (const auto* wire : {&world_, &block_}) {
    if (!*wire) continue;
    const Traffic t = (*wire)->traffic();
    sum.bytes += t.bytes;
    sum.rounds += t.rounds;
  }
  return sum;
}

std::vector<NamedTensor> Worker::state() {
  std::vector<NamedTensor> all = {
      {"value", parameters.value}, {"velocity", parameters.velocity}, {"state", parameters.state}};
  const auto append = [&](const std::string& prefix, const std::unique_ptr<ModelAverager>& averager) {
    if (!averager) return;
    for (NamedTensor& t : averager->state()) all.push_back({prefix + t.name, t.tensor});
  };
  append("world.", world_averager_);
  append("block.", block_averager_);
  return all;
}

}  // namespace skein
