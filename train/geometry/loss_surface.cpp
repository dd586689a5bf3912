#include "train/geometry/loss_surface.h"

#include <cmath>

#include "base/check.h"
#include "kernels/device/runtime.h"
#include "train/mean_statistics.h"

namespace skein {

std::vector<Batch> sample_batches(const Dataset& train, const LossSample& sample, Queue queue) {
  if (sample.images > train.size())
    throw BadInput("--images {}: dataset '{}' has {} training images. Give at most that many", sample.images,
                   train.name, train.size());
  LoaderOptions options;
  options.batch = std::min(sample.batch, sample.images);
  options.seed = sample.seed;
  options.augment = false;
  options.partition = Partition::fixed;
  const auto loader = make_loader(train, options, queue);
  std::vector<Batch> batches;
  for (int64_t left = sample.images; left > 0; left -= batches.back().size) {
    const Batch& next = loader->next();
    const int64_t size = std::min(next.size, left);
    Shape shape = next.images.shape();
    shape.dims[0] = size;
    Batch kept{Tensor::empty(queue.device, DType::f32, shape), Tensor::empty(queue.device, DType::i32, {size}), size};
    queue.run(kernel::copy, next.images.slice(0, shape), kept.images);
    queue.run(kernel::copy, next.labels.slice(0, {size}), kept.labels);
    batches.push_back(std::move(kept));
  }
  queue.run(kernel::synchronize);
  return batches;
}

MakeModel without_dropout(const ModelInfo& info) {
  return [name = info.config.model, options = info.model_options()](ParameterStore& store) mutable {
    options.dropout = 0;
    return make_model(name, options, store);
  };
}

LossSurface::LossSurface(const MakeModel& make, std::vector<Batch> batches, StepContext& context,
                         std::function<void(int64_t)> progress)
    : model_(make(store_)), batches_(std::move(batches)), context_(context), progress_(std::move(progress)) {
  store_.build(context.queue.device, 0);
  for (const Batch& batch : batches_) images_ += batch.size;
}

void LossSurface::set(std::span<const float> w) {
  CHECK(int64_t(w.size()) == store_.value.numel(), "{} of {} parameters", w.size(), store_.value.numel());
  context_.queue.run(kernel::copy_from_host, w.data(), store_.value);
}

Loss LossSurface::forward(const Batch& batch) {
  context_.tape.reset();
  return cross_entropy(model_->forward(context_.tape.input(batch.images)), batch.labels);
}

LossPoint LossSurface::evaluate() {
  LossPoint sum;
  MeanStatistics statistics(store_, context_.queue);
  for (const Batch& batch : batches_) {
    statistics.begin_batch();
    const Loss result = forward(batch);
    statistics.end_batch(double(batch.size));
    float mean = 0;
    int32_t correct[2] = {};
    context_.queue.run(kernel::copy_to_host, result.mean->value, &mean);
    context_.queue.run(kernel::copy_to_host, result.correct, correct);
    sum.loss += double(mean) * double(batch.size);
    sum.top1 += 100.0 * double(correct[0]);
    if (progress_) progress_(batch.size);
  }
  context_.tape.reset();
  statistics.finish();
  return {sum.loss / double(images_), sum.top1 / double(images_)};
}

std::vector<float> LossSurface::gradient(std::span<const float> w) {
  set(w);
  std::vector<double> sum(w.size(), 0.0);
  for (const Batch& batch : batches_) {
    const Loss result = forward(batch);
    context_.tape.backward(result.mean);
    const std::vector<float> part = store_.grad.to_vector();
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += double(batch.size) * double(part[i]);
    if (progress_) progress_(batch.size);
  }
  context_.tape.reset();
  std::vector<float> mean(sum.size());
  double square = 0;
  for (size_t i = 0; i < sum.size(); ++i) {
    mean[i] = float(sum[i] / double(images_));
    square += double(mean[i]) * double(mean[i]);
  }
  if (!std::isfinite(square))
    throw RunFailed("the gradient of the loss is not finite, so it has no curvature. Take an earlier checkpoint");
  return mean;
}

}  // namespace skein
