#include "train/evaluator.h"

#include "kernels/device/peers.h"
#include "train/machine/gpus.h"

namespace skein {

Evaluator::Evaluator(ProcessGroup& group, WorkerPool& pool, const ModelInfo& info, const Splits& data)
    : group_(group),
      pool_(pool),
      eval_batch_(info.config.eval_batch),
      activations_(activations(info.config)),
      test_set_(group, pool, info, data) {
  const Queue queue = pool.context_between_steps().queue;
  const Dataset train = on_current_gpu(data.train);
  if (pool.run_size() > 1) averaged_ = std::make_unique<AveragedModel>(info, train, queue);
  if (info.config.ema > 0) ema_ = std::make_unique<AveragedModel>(info, train, queue);
}

ParameterStore& Evaluator::model_parameters(int64_t step) {
  if (!averaged_) return pool_.worker(0).parameters();
  if (averaged_step_ != step) {
    pool_.synchronize();
    averaged_->update(group_, pool_.parameters(), pool_.context_between_steps());
    averaged_step_ = step;
  }
  return averaged_->parameters;
}

Score Evaluator::test_model(int64_t step, Predictions* predictions) {
  pool_.synchronize();
  const ParameterStore& parameters = model_parameters(step);
  return test_set_.test(averaged_ ? *averaged_->model : pool_.worker(0).model(), parameters, predictions);
}

ParameterStore& Evaluator::ema_parameters(int64_t step) {
  if (ema_step_ != step) {
    pool_.synchronize();
    std::vector<FlatModel> own;
    for (int64_t i = 0; i < pool_.size(); ++i) own.push_back(pool_.worker(i).ema());
    ema_->average(group_, own, pool_.context_between_steps());
    ema_step_ = step;
  }
  return ema_->parameters;
}

Score Evaluator::test_ema(int64_t step) {
  const ParameterStore& parameters = ema_parameters(step);
  return test_set_.test(*ema_->model, parameters, nullptr);
}

Score Evaluator::test_workers() {
  std::vector<Score> own;
  for (int64_t i = 0; i < pool_.size(); ++i) own.push_back(test_worker(i));
  const auto workers = double(pool_.run_size());
  Score mean;
  for (const Score& s : group_.all_gather<Score>(own)) {
    mean.loss += s.loss / workers;
    mean.top1 += s.top1 / workers;
    mean.top5 += s.top5 / workers;
  }
  return mean;
}

// Where the worker's model is.
Score Evaluator::test_worker(int64_t i) {
  StepContext& context = test_set_.context_on(pool_.context_of(i).gpu);  // the loaders' stream is its own
  const cuda::DeviceScope gpu(context.gpu);
  Loader* batches = test_set_.whole();
  if (!batches) {
    std::unique_ptr<Loader>& own = whole_sets_[context.gpu];
    if (!own)
      own = make_loader(on_current_gpu(test_set_.data()), evaluation_options(eval_batch_), context.queue, activations_);
    batches = own.get();
  }
  return evaluate(pool_.worker(i).model(), *batches, context.tape);
}

}  // namespace skein
