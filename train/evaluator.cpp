#include "train/evaluator.h"

#include "base/terminal/progress_line.h"
#include "kernels/device/peers.h"
#include "train/machine/gpus.h"

namespace skein {

Evaluator::Evaluator(ProcessGroup& group, WorkerPool& pool, const ModelInfo& info, const Splits& data)
    : group_(group),
      pool_(pool),
      test_data_(on_current_gpu(data.test)),
      eval_batch_(info.config.eval_batch),
      activations_(activations(info.config)),
      test_batches_(
          make_loader(test_data_, evaluation_options(eval_batch_), pool.context_between_steps().queue, activations_)) {
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
  model_parameters(step);
  const Model& model = averaged_ ? *averaged_->model : pool_.worker(0).model();
  return test_on_root(model, predictions);
}

Score Evaluator::test_on_root(const Model& model, Predictions* predictions) {
  Score score;
  if (group_.is_root()) score = test(model, predictions);
  return group_.broadcast(score);
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
  ema_parameters(step);
  return test_on_root(*ema_->model);
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
  StepContext& context = pool_.context_of(i);
  if (context.gpu == pool_.context_between_steps().gpu) return test(pool_.worker(i).model());
  const cuda::DeviceScope gpu(context.gpu);
  std::unique_ptr<Loader>& batches = batches_on_others_[context.gpu];
  if (!batches)
    batches = make_loader(on_current_gpu(test_data_), evaluation_options(eval_batch_), context.queue, activations_);
  return evaluate(pool_.worker(i).model(), *batches, context.tape);
}

// The processes of a run may share a terminal: only rank 0 draws on it.
Score Evaluator::test(const Model& model, Predictions* predictions) {
  Tape& tape = pool_.context_between_steps().tape;
  if (!group_.is_root()) return evaluate(model, *test_batches_, tape);
  ProgressLine progress("evaluating", test_data_.size());
  return evaluate(model, *test_batches_, tape, [&](const Batch& batch, const Tensor& logits) {
    if (predictions) predictions->add(batch, logits, tape.queue);
    progress.add(batch.size);
  });
}

}  // namespace skein
