#include "train/evaluation/evaluation.h"

#include "engine/ops.h"

namespace skein {

LoaderOptions evaluation_options(int64_t batch, int64_t parts, int64_t part) {
  LoaderOptions options;
  options.batch = batch;
  options.training = false;
  options.workers = parts;
  options.rank = part;
  return options;
}

std::vector<BatchScore> score_batches(const Model& model, Loader& batches, Tape& tape, const OnBatch& on_batch) {
  std::vector<BatchScore> scores;
  tape.training = false;
  for (int64_t i = 0; i < batches.steps(); ++i) {
    const Batch& batch = batches.next();
    tape.reset();
    const Var logits = model.forward(tape.input(batch.images));
    const Loss result = cross_entropy(logits, batch.labels);
    float mean = 0;
    int32_t correct[2] = {};
    tape.run(kernel::copy_to_host, result.mean->value, &mean);
    tape.run(kernel::copy_to_host, result.correct, correct);
    scores.push_back({double(mean) * double(batch.size), batch.size, correct[0], correct[1]});
    if (on_batch) on_batch(batch, logits->value);
  }
  tape.reset();
  tape.training = true;
  return scores;
}

Score total(std::span<const BatchScore> batches) {
  BatchScore all;
  for (const BatchScore& b : batches) {
    all.loss += b.loss;
    all.images += b.images;
    all.top1 += b.top1;
    all.top5 += b.top5;
  }
  const double n = double(all.images);
  return {all.loss / n, 100.0 * double(all.top1) / n, 100.0 * double(all.top5) / n};
}

Score evaluate(const Model& model, Loader& batches, Tape& tape, const OnBatch& on_batch) {
  return total(score_batches(model, batches, tape, on_batch));
}

}  // namespace skein
