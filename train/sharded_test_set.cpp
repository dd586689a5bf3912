#include "train/sharded_test_set.h"

#include <algorithm>
#include <optional>

#include "engine/peer_memory.h"
#include "kernels/device/peers.h"
#include "train/machine/gpus.h"

namespace skein {

ShardedTestSet::ShardedTestSet(ProcessGroup& group, WorkerPool& pool, const ModelInfo& info, const Splits& data)
    : group_(group),
      pool_(pool),
      data_(on_current_gpu(data.test)),
      batch_(info.config.eval_batch),
      activations_(activations(info.config)) {
  std::vector<int> gpus;
  for (int64_t i = 0; i < pool.size(); ++i) {
    const int gpu = pool.context_of(i).gpu;
    if (std::find(gpus.begin(), gpus.end(), gpu) != gpus.end()) continue;
    gpus.push_back(gpu);
    shards_.push_back({.worker = i});
  }
  const auto own = int64_t(shards_.size());
  int64_t before = 0;
  const std::vector<int64_t> counts = group.all_gather<int64_t>({&own, 1});
  for (int r = 0; r < group.size(); ++r) {
    if (r < group.rank()) before += counts[size_t(r)];
    parts_ += counts[size_t(r)];
  }
  for (Shard& s : shards_) {
    s.part = before++;
    if (s.part * batch_ >= data_.size()) continue;
    const StepContext& context = pool.context_of(s.worker);
    const cuda::DeviceScope gpu(context.gpu);
    if (&s != &shards_.front()) s.copy = std::make_unique<AveragedModel>(info, data.train, context.queue);
    s.batches =
        make_loader(on_current_gpu(data_), evaluation_options(batch_, parts_, s.part), context.queue, activations_);
  }
}

Score ShardedTestSet::test(const Model& model, const ParameterStore& parameters, Predictions* predictions) {
  const bool predict = predictions != nullptr;
  group_.on_all_ranks([&] {
    std::optional<ProgressLine> progress;  // the processes of a run may share a terminal: only rank 0 draws on it
    if (group_.is_root()) progress.emplace("evaluating", data_.size());
    ProgressLine* const line = progress ? &*progress : nullptr;
    if (shards_.size() == 1) return test_shard(shards_.front(), model, predict, line);
    pool_.synchronize();
    copy_model(parameters);
    pool_.run([&](const Worker& w) {
      for (Shard& s : shards_)
        if (&pool_.worker(s.worker) == &w) test_shard(s, s.copy ? *s.copy->model : model, predict, line);
    });
  });

  std::vector<Placed<BatchScore>> scores;
  std::vector<Placed<Prediction>> predicted;
  for (const Shard& s : shards_) {
    for (size_t i = 0; i < s.scores.size(); ++i) scores.push_back({s.part + int64_t(i) * parts_, s.scores[i]});
    for (size_t i = 0; i < s.predictions.size(); ++i) {
      const int64_t batch = s.part + int64_t(i) / batch_ * parts_;
      predicted.push_back({batch * batch_ + int64_t(i) % batch_, s.predictions[i]});
    }
  }
  if (predict) {
    std::vector<Prediction> all = gather(std::move(predicted));
    if (group_.is_root()) predictions->all = std::move(all);
  }
  return total(gather(std::move(scores)));
}

StepContext& ShardedTestSet::context_on(int gpu) {
  const auto of = [&](const Shard& s) -> StepContext& { return pool_.context_of(s.worker); };
  return of(*std::find_if(shards_.begin(), shards_.end(), [&](const Shard& s) { return of(s).gpu == gpu; }));
}

void ShardedTestSet::warm_up_convolutions(const Model& model) {
  StepContext& context = pool_.context_of(0);
  if (context.gpu < 0) return;
  for (const int64_t images : {std::min(batch_, data_.size()), data_.size() % batch_}) {
    if (images == 0) continue;
    const Tensor pixels =
        Tensor::zeros(Device::cuda, activations_, {images, data_.height(), data_.width(), data_.channels()});
    context.tape.training = false;
    context.tape.reset();
    model.forward(context.tape.input(pixels));
    context.queue.run(kernel::synchronize);  // the tensor above must live until the device is done
  }
  context.tape.reset();
  context.tape.training = true;
}

// Into the copies on the other GPUs.
void ShardedTestSet::copy_model(const ParameterStore& parameters) {
  for (Shard& s : shards_) {
    if (!s.copy) continue;
    const StepContext& context = pool_.context_of(s.worker);
    const cuda::DeviceScope gpu(context.gpu);
    PeerMemory memory(context.queue);
    ParameterStore& to = s.copy->parameters;
    memory.copy(parameters.value, to.value);
    memory.copy(parameters.running_statistics, to.running_statistics);
    if (to.frozen.defined()) memory.copy(parameters.frozen, to.frozen);
    to.refresh_shadow(context.queue.stream);
    memory.finish();
  }
}

void ShardedTestSet::test_shard(Shard& shard, const Model& model, bool predict, ProgressLine* progress) {
  shard.scores.clear();
  shard.predictions.clear();
  if (!shard.batches) return;
  Tape& tape = pool_.context_of(shard.worker).tape;
  Predictions predictions;
  shard.scores = score_batches(model, *shard.batches, tape, [&](const Batch& batch, const Tensor& logits) {
    if (predict) predictions.add(batch, logits, tape.queue);
    if (progress) progress->add(batch.size * group_.size());  // the others are about as far
  });
  shard.predictions = std::move(predictions.all);
}

template <class T>
std::vector<T> ShardedTestSet::gather(std::vector<Placed<T>> mine) {
  mine.resize(size_t(group_.max(int64_t(mine.size()))), {-1, T{}});  // as many from each process
  std::vector<Placed<T>> all = group_.all_gather<Placed<T>>(mine);
  std::erase_if(all, [](const Placed<T>& p) { return p.place < 0; });
  std::sort(all.begin(), all.end(), [](const Placed<T>& a, const Placed<T>& b) { return a.place < b.place; });
  std::vector<T> values;
  for (const Placed<T>& p : all) values.push_back(p.value);
  return values;
}

}  // namespace skein
