#include "train/evaluation/evaluation.h"

#include "engine/ops.h"

namespace skein {

LoaderOptions evaluation_options(int64_t batch) {
  LoaderOptions options;
  options.batch = batch;
  options.training = false;
  return options;
}

Score evaluate(const Model& model, Loader& batches, Tape& tape, const OnBatch& on_batch) {
  double loss = 0;
  int64_t images = 0, top1 = 0, top5 = 0;
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
    loss += double(mean) * double(batch.size);
    images += batch.size;
    top1 += correct[0];
    top5 += correct[1];
    if (on_batch) on_batch(batch, logits->value);
  }
  tape.reset();
  tape.training = true;
  const double n = double(images);
  return {loss / n, 100.0 * double(top1) / n, 100.0 * double(top5) / n};
}

}  // namespace skein
