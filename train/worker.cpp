#include "train/worker.h"

#include <utility>

#include "base/check.h"
#include "base/trace.h"
#include "data/loading/partition.h"
#include "engine/gradient.h"
#include "kernels/clip_norm.h"
#include "kernels/vector.h"
#include "train/machine/machine.h"
#include "train/weights/freeze.h"

namespace skein {
namespace {

// With LARS the weight decay is part of its scaling of the gradients (kernels/lars.h).
std::unique_ptr<Optimizer> make_optimizer(const TrainConfig& c, ParameterStore& parameters, Queue queue) {
  if (c.optimizer == OptimizerKind::adamw)
    return std::make_unique<Adamw>(parameters, AdamwHyper{c.beta1, c.beta2, c.epsilon, c.weight_decay}, queue);
  SgdHyper h;
  h.momentum = float(c.momentum);
  h.decay = c.lars > 0 ? 0.0f : float(c.weight_decay);
  h.nesterov = c.nesterov;
  h.sign = c.sign_step;
  return std::make_unique<Sgd>(parameters, h, queue);
}

// On a GPU the plans of full batches are chosen by time, once for a whole elastic run. A shorter batch of it may have any
// size: for its shapes cuDNN's heuristics choose, so that a replay computes with the same plans.
class PlansOfShortBatch {
 public:
  PlansOfShortBatch(const TrainConfig& c, Device device, int64_t images)
      : config_(c), apply_(!c.elastic.empty() && device == Device::cuda && images < c.batch) {
    if (apply_) use_conv(Device::cuda, "cudnn", config_.dtype);
  }
  ~PlansOfShortBatch() {
    if (apply_) use_conv(Device::cuda, config_.conv, config_.dtype);
  }
  PlansOfShortBatch(const PlansOfShortBatch&) = delete;
  PlansOfShortBatch& operator=(const PlansOfShortBatch&) = delete;

 private:
  const TrainConfig& config_;
  const bool apply_;
};

}  // namespace

Worker::Worker(const ModelInfo& info, const Dataset& train, const TrainState& start, int64_t rank,
               StepContextPool& contexts)
    : config_(info.config),
      rank_(rank),
      contexts_(contexts),
      queue_(contexts.queue(rank)),
      model_(make_model(info.config.model, info.model_options(), parameters_)),
      batches_(info.config.elastic.empty() ? make_loader(train, training_options(info.config, train, start, rank),
                                                         queue_, activations(info.config))
                                           : nullptr),
      batch_shape_{info.config.batch, info.height, info.width, info.channels},
      last_batch_(info.config.elastic.empty()
                      ? range_of_worker(train.size(), info.config.workers, rank).size() % info.config.batch
                      : 0),
      steps_done_(start.step),
      pass_number_(Tensor::zeros(queue_.device, DType::i32, {1})),
      optimizer_(make_optimizer(info.config, parameters_, queue_)),
      outputs_(queue_, kMaxUncollectedSteps * (info.config.accumulate + 2)),
      local_step_graph_(queue_),
      gradient_graph_(queue_),
      sync_momentum_(parse_sync_momentum(info.config.sync_momentum)),
      world_averagings_(start.rounds.world),
      averaged_at_(start.step) {
  freeze(config_.freeze, parameters_);
  parameters_.build(queue_.device, uint64_t(info.config.seed), activations(info.config));
  if (config_.optimizer == OptimizerKind::adamw) parameters_.add_second_moment();
  contexts.name_layers(parameters_);
  if (config_.ema > 0) {
    ema_ = {Tensor::empty(queue_.device, DType::f32, parameters_.value.shape()),
            Tensor::empty(queue_.device, DType::f32, parameters_.running_statistics.shape()), parameters_.frozen};
    reset_consensus();
  }
  if (config_.accumulate > 1) accumulated_ = Tensor::empty(queue_.device, DType::f32, parameters_.grad.shape());
}

int64_t Worker::take_samples(const Dataset& train, int64_t epoch, std::vector<int32_t> samples, int64_t steps_done) {
  if (batches_) {
    batches_->restart(epoch, std::move(samples));
  } else {
    LoaderOptions options = augmentation_options(config_);
    options.batch = config_.batch;
    options.seed = uint64_t(config_.seed);
    options.epoch = epoch;
    options.samples = std::move(samples);
    batches_ = make_loader(train, options, queue_, activations(config_));
  }
  steps_done_ = steps_done;
  return (batches_->steps() + config_.accumulate - 1) / config_.accumulate;
}

void Worker::local_step(double rate, SyncScope then) {
  mode_ = steps_done_ < averaging_.gradient_steps ? StepMode::average_gradients
          : config_.accumulate > 1                ? StepMode::accumulate
                                                  : StepMode::local;
  rate_ = rate;
  StepResult& result = results_.emplace_back();
  // All device work is enqueued while the context is held. Workers with the same context share its stream: work that is
  // enqueued outside could become part of another worker's graph capture.
  contexts_.with(rank_, [&](StepContext& context) {
    optimizer_->set_rate(float(rate));
    outputs_.begin_step();
    bool last = false;
    for (int64_t pass = 1; !last; ++pass) {
      const int32_t number = int32_t(steps_done_ * config_.accumulate + pass - 1);
      queue_.run(kernel::copy_from_host, &number, pass_number_);
      const double waited = batches_->wait_seconds();
      const Batch& batch = in_span("data", [&]() -> const Batch& { return batches_->next(); });
      result.wait_ms += 1e3 * (batches_->wait_seconds() - waited);
      last = pass == config_.accumulate || batch.index + 1 == batches_->steps();
      forward_backward(context, batch);
      result.images += batch.size;
      if (config_.accumulate > 1) accumulate_gradients(context.tape.queue, pass, last);
    }
    if (mode_ == StepMode::accumulate) optimizer_step(context.tape.queue);
    if (then == SyncScope::none) update_ema(context.tape.queue);
  });
  ++steps_done_;
}

std::vector<StepResult> Worker::collect() {
  const std::vector<StepOutput> outputs = outputs_.collect();
  CHECK(outputs.size() == results_.size(), "{} outputs of {} steps", outputs.size(), results_.size());
  for (size_t s = 0; s < outputs.size(); ++s) results_[s].output = outputs[s];
  return std::exchange(results_, {});
}

void Worker::optimizer_step(const Queue& queue) {
  const Span span("step");
  outputs_.begin();
  update(queue);
  outputs_.end();
}

void Worker::update(const Queue& queue) {
  if (before_change_) before_change_();
  adjust_gradients(queue);
  optimizer_->step_on(queue);
}

void Worker::forward_backward(StepContext& context, const Batch& batch) {
  outputs_.begin();
  if (mode_ == StepMode::average_gradients && gradient_averager_->overlaps())
    context.tape.on_grad_ready = [this](const Variable& parameter) { gradient_averager_->ready(parameter); };
  const PlansOfShortBatch plans(config_, queue_.device, batch.size);
  const StepGraph::Key key{batch.images.view().data, &context, batch.size};
  const bool with_update = mode_ == StepMode::local;
  const SoftTargets targets{float(config_.label_smoothing), batch.second_labels, batch.label_weights};
  const Loss loss = (with_update ? local_step_graph_ : gradient_graph_).run(key, [&] {
    context.tape.reset();
    context.tape.draws = draws();
    const Loss loss = in_span("forward", [&] {
      return cross_entropy(model_->forward(context.tape.input(batch.images)), batch.labels, targets);
    });
    in_span("backward", [&] { context.tape.backward(loss.mean); });
    if (with_update) {
      const Span span("step");
      update(context.tape.queue);
    }
    return loss;
  });
  context.tape.on_grad_ready = nullptr;
  outputs_.end(loss, batch.size);
}

void Worker::update_ema(const Queue& queue) {
  if (config_.ema == 0) return;
  queue.run(kernel::ema, config_.ema, parameters_.value, ema_.value);
  queue.run(kernel::ema, config_.ema, parameters_.running_statistics, ema_.running_statistics);
}

void Worker::adjust_gradients(const Queue& queue) {
  if (config_.clip_norm > 0) queue.run(kernel::clip_norm, float(config_.clip_norm), parameters_.grad);
  if (config_.lars > 0) scale_gradients(parameters_, {float(config_.lars), float(config_.weight_decay)}, queue);
  if (config_.noise > 0)
    add_noise(parameters_, float(config_.noise),
              {uint64_t(config_.seed), uint32_t(rank_), pass_number_.view().as<const uint32_t>()}, queue);
}

// The mean over the passes: a short last batch has the same weight as a full one.
void Worker::accumulate_gradients(const Queue& queue, int64_t pass, bool last) {
  if (pass == 1)
    queue.run(kernel::copy, parameters_.grad, accumulated_);
  else
    queue.run(kernel::axpy, 1.0f, parameters_.grad, accumulated_);
  if (!last) return;
  queue.run(kernel::scale, 1.0f / float(pass), accumulated_);
  queue.run(kernel::copy, accumulated_, parameters_.grad);
}

DropoutStream Worker::draws() const {
  return {uint64_t(config_.seed), uint32_t(rank_), pass_number_.view().as<const uint32_t>()};
}

void Worker::warm_up_convolutions() {
  contexts_.with(rank_, [&](StepContext& context) {
    warm_up_convolutions(context, batch_shape_[0]);
    // On the CPU a choice does not depend on the number of images.
    if (last_batch_ > 0 && queue_.device == Device::cuda) warm_up_convolutions(context, last_batch_);
  });
}

void Worker::warm_up_convolutions(StepContext& context, int64_t images) {
  const Tensor pixels =
      Tensor::zeros(queue_.device, activations(config_), {images, batch_shape_[1], batch_shape_[2], batch_shape_[3]});
  const Tensor labels = Tensor::zeros(queue_.device, DType::i32, {images});
  const Tensor statistics = Tensor::empty(queue_.device, DType::f32, parameters_.running_statistics.shape());
  queue_.run(kernel::copy, parameters_.running_statistics, statistics);
  context.tape.reset();
  context.tape.draws = draws();
  context.tape.backward(cross_entropy(model_->forward(context.tape.input(pixels)), labels).mean);
  queue_.run(kernel::copy, statistics, parameters_.running_statistics);
  queue_.run(kernel::synchronize);  // the tensors above must live until the device is done
}

void Worker::reset_consensus() {
  if (world_averager_) world_averager_->reset_consensus();
  if (block_averager_) block_averager_->reset_consensus();
  if (config_.ema == 0) return;
  queue_.run(kernel::copy, parameters_.value, ema_.value);
  queue_.run(kernel::copy, parameters_.running_statistics, ema_.running_statistics);
}

std::vector<NamedTensor> Worker::state() {
  std::vector<NamedTensor> all = {
      {"value", parameters_.value}, {"velocity", parameters_.velocity}, {"state", parameters_.running_statistics}};
  if (parameters_.second_moment.defined()) {
    all.push_back({"second_moment", parameters_.second_moment});
    all.push_back({"updates", parameters_.updates});
  }
  if (config_.ema > 0) {
    all.push_back({"ema.value", ema_.value});
    all.push_back({"ema.state", ema_.running_statistics});
  }
  const auto append = [&](const std::string& prefix, const std::unique_ptr<ModelAverager>& averager) {
    if (!averager) return;
    for (NamedTensor& t : averager->state()) all.push_back({prefix + t.name, t.tensor});
  };
  if (parameters_.frozen.defined()) all.push_back({"frozen", parameters_.frozen});
  append("world.", world_averager_);
  append("block.", block_averager_);
  return all;
}

}  // namespace skein
