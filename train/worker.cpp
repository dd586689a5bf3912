#include "train/worker.h"

#include <utility>

#include "base/check.h"
#include "data/loading/partition.h"
#include "engine/gradient.h"
#include "kernels/vector.h"

namespace skein {
namespace {

// Below it the latency of a sum over MPI outweighs what it hides.
constexpr int64_t kBucketBytes = 256 << 10;

// The batch after the last one that was trained on: the next epoch's first when this epoch only lacks its evaluation.
LoaderOptions training_options(const TrainConfig& config, const Dataset& train, const TrainState& start, int64_t rank) {
  const int64_t steps = steps_per_epoch(config, train.size());
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
  options.decode_threads = config.decode_threads;
  options.partition = parse_partition(config.partition);
  options.epoch = steps > 0 ? done / steps : 0;
  options.step = steps > 0 ? done % steps * config.accumulate : 0;
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

int64_t steps_per_epoch(const TrainConfig& c, int64_t images) {
  return (steps_per_epoch(images, c.workers, c.batch) + c.accumulate - 1) / c.accumulate;
}

Worker::Worker(const ModelInfo& info, const Dataset& train, const TrainState& start, int64_t rank, Queue queue)
    : model(make_model(info.config.model, info.model_options(), parameters)),
      batches(train, training_options(info.config, train, start, rank), queue, activations(info.config)),
      config_(info.config),
      rank_(rank),
      images_{info.config.batch, info.height, info.width, info.channels},
      last_batch_(part_of(train.size(), info.config.workers, rank).size() % info.config.batch),
      queue_(queue),
      step_(Tensor::zeros(queue.device, DType::i32, {1})),
      sgd_(parameters, hyper(info.config), queue),
      readings_(queue, kStepsApart * (info.config.accumulate + 1)),
      step_graph_(queue),
      gradient_graph_(queue) {
  parameters.build(queue.device, uint64_t(info.config.seed), activations(info.config));
  if (config_.accumulate > 1) passes_ = Tensor::empty(queue.device, DType::f32, parameters.grad.shape());
}

void Worker::connect(std::unique_ptr<Communicator> world, int64_t block_size, bool overlap) {
  const OuterMomentum outer{float(config_.outer_momentum), float(config_.outer_rate), config_.outer_nesterov};
  world_ = std::move(world);
  world_averager_ =
      std::make_unique<ModelAverager>(parameters, make_compressor(config_.compress, parameters, queue_), outer, queue_);
  // A captured step cannot stop in the middle to send, and passes that are added up are final only at the end.
  overlap = overlap && queue_.device == Device::cpu && config_.accumulate == 1;
  gradient_averager_ = std::make_unique<GradientAverager>(parameters, *world_, overlap ? kBucketBytes : 0);
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

StepResult Worker::local_step(StepContextPool& contexts, int64_t step, double rate, bool average_gradients) {
  StepResult result;
  contexts.with(rank_, [&](StepContext& context) {
    sgd_.set_rate(float(rate));
    readings_.begin_step();
    const bool whole = config_.accumulate == 1 && !average_gradients;
    for (int64_t pass = 1;; ++pass) {
      const int32_t number = int32_t(step * config_.accumulate + pass - 1);  // every pass has its own dropout
      queue_.run(kernel::copy_from_host, &number, step_);
      const double waited = batches.wait_seconds();
      const Batch& batch = batches.next();
      result.wait_ms += 1e3 * (batches.wait_seconds() - waited);
      const bool last = pass == config_.accumulate || batch.index + 1 == batches.steps();
      this->pass(context, batch, whole, average_gradients);
      result.images += batch.size;
      if (config_.accumulate > 1) average_passes(pass, last);
      if (last) break;
    }
    if (!whole && !average_gradients) optimizer_step();
  });
  return result;
}

void Worker::average(SyncScope sync, bool average_gradients) {
  if (average_gradients) {
    gradient_averager_->finish();
    optimizer_step();
    return;
  }
  if (sync == SyncScope::world) world_averager_->average(*world_);
  if (sync == SyncScope::block) block_averager_->average(*block_);
}

void Worker::optimizer_step() {
  readings_.begin();
  adjust_gradients();
  sgd_.step();
  readings_.end();
}

void Worker::pass(StepContext& context, const Batch& batch, bool with_step, bool overlap) {
  readings_.begin();
  if (overlap && gradient_averager_->overlaps())
    context.tape.on_grad_ready = [this](const Variable& parameter) { gradient_averager_->ready(parameter); };
  const StepGraph::Key key{batch.images.view().data, &context, batch.size};
  const Loss loss = (with_step ? step_graph_ : gradient_graph_).run(key, [&] {
    context.tape.reset();
    context.tape.draws = {uint64_t(config_.seed), uint32_t(rank_), step_.view().as<const uint32_t>()};
    const Loss loss = cross_entropy(model->forward(context.tape.input(batch.images)), batch.labels);
    context.tape.backward(loss.mean);
    if (with_step) {
      adjust_gradients();
      sgd_.step();
    }
    return loss;
  });
  context.tape.on_grad_ready = nullptr;
  readings_.end(loss, batch.size);
}

// Of the step's passes so far; a short last batch counts as much as the others.
void Worker::average_passes(int64_t pass, bool last) {
  if (pass == 1)
    queue_.run(kernel::copy, parameters.grad, passes_);
  else
    queue_.run(kernel::axpy, 1.0f, parameters.grad, passes_);
  if (!last) return;
  queue_.run(kernel::scale, 1.0f / float(pass), passes_);
  queue_.run(kernel::copy, passes_, parameters.grad);
}

void Worker::warm_up_convolutions(StepContextPool& contexts) {
  contexts.with(rank_, [&](StepContext& context) {
    warm_up_convolutions(context, images_[0]);
    if (last_batch_ > 0 && queue_.device == Device::cuda)
      warm_up_convolutions(context, last_batch_);  // a CPU chooses for any number
  });
}

void Worker::warm_up_convolutions(StepContext& context, int64_t images) {
  const Tensor pixels =
      Tensor::zeros(queue_.device, activations(config_), {images, images_[1], images_[2], images_[3]});
  const Tensor labels = Tensor::zeros(queue_.device, DType::i32, {images});
  const Tensor statistics = Tensor::empty(queue_.device, DType::f32, parameters.running_statistics.shape());
  queue_.run(kernel::copy, parameters.running_statistics, statistics);
  context.tape.reset();
  context.tape.draws = {uint64_t(config_.seed), uint32_t(rank_), step_.view().as<const uint32_t>()};
  context.tape.backward(cross_entropy(model->forward(context.tape.input(pixels)), labels).mean);
  queue_.run(kernel::copy, statistics, parameters.running_statistics);
  queue_.run(kernel::synchronize);  // before the operands go
}

void Worker::reset_consensus() {
  if (world_averager_) world_averager_->reset_consensus();
  if (block_averager_) block_averager_->reset_consensus();
}

Traffic Worker::newly_sent() {
  Traffic sum;
  for (const auto* wire : {&world_, &block_}) {
    if (!*wire) continue;
    const Traffic t = (*wire)->traffic();
    sum.bytes += t.bytes;
    sum.rounds += t.rounds;
  }
  const Traffic before = std::exchange(known_traffic_, sum);
  return {sum.bytes - before.bytes, sum.rounds - before.rounds};
}

std::vector<NamedTensor> Worker::state() {
  std::vector<NamedTensor> all = {
      {"value", parameters.value}, {"velocity", parameters.velocity}, {"state", parameters.running_statistics}};
  const auto append = [&](const std::string& prefix, const std::unique_ptr<ModelAverager>& averager) {
    if (!averager) return;
    for (NamedTensor& t : averager->state()) all.push_back({prefix + t.name, t.tensor});
  };
  append("world.", world_averager_);
  append("block.", block_averager_);
  return all;
}

}  // namespace skein
