#include "train/evaluator.h"

#include "base/terminal/progress_line.h"

namespace skein {

Evaluator::Evaluator(ProcessGroup& group, WorkerPool& pool, const ModelInfo& info, const Splits& data)
    : group_(group),
      pool_(pool),
      test_images_(data.test.size()),
      test_batches_(make_loader(data.test, evaluation_options(info.config.eval_batch),
                                pool.context_between_steps().queue, activations(info.config))) {
  if (pool.run_size() > 1)
    averaged_ = std::make_unique<AveragedModel>(info, data.train, pool.context_between_steps().queue);
  if (info.config.ema > 0) ema_ = std::make_unique<AveragedModel>(info, data.train, pool.context_between_steps().queue);
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
  for (int64_t i = 0; i < pool_.size(); ++i) own.push_back(test(pool_.worker(i).model()));
  const auto workers = double(pool_.run_size());
  Score mean;
  for (const Score& s : group_.all_gather<Score>(own)) {
    mean.loss += s.loss / workers;
    mean.top1 += s.top1 / workers;
    mean.top5 += s.top5 / workers;
  }
  return mean;
}

// The processes of a run may share a terminal: only rank 0 draws on it.
Score Evaluator::test(const Model& model, Predictions* predictions) {
  Tape& tape = pool_.context_between_steps().tape;
  if (!group_.is_root()) return evaluate(model, *test_batches_, tape);
  ProgressLine progress("evaluating", test_images_);
  return evaluate(model, *test_batches_, tape, [&](const Batch& batch, const Tensor& logits) {
    if (predictions) predictions->add(batch, logits, tape.queue);
    progress.add(batch.size);
  });
}

}  // namespace skein
