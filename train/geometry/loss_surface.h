// The training loss of a network as a function of its parameters w:
//
//   L(w) = 1/N sum over N training images of the cross-entropy      no weight decay, smoothing, augmentation, dropout
//
// The images are the first N of the order of `fixed` partitions with one worker (data/loading/partition.h), so they
// depend on seed and data alone. Batch norms normalise by the statistics of the batch at hand, as in training: L is
// then a function of w alone, also between two models, where the running statistics of neither fit. It depends on the
// size of a batch. (With fixed statistics, the derivative would need kernels that training has no use for.) f32
// throughout; losses of batches are added in double. Frozen layers (--freeze) are parameters as all others.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "data/loading/loader.h"
#include "engine/ops.h"
#include "train/run_state.h"
#include "train/step_context.h"

namespace skein {

struct LossSample {
  int64_t images = 2000, batch = 128;
  uint64_t seed = 0;
};

// The images of the sample, in batches that stay in the device's memory; the last one may be short. BadInput where the
// set has fewer.
std::vector<Batch> sample_batches(const Dataset& train, const LossSample& sample, Queue queue);

struct LossPoint {
  double loss = 0, top1 = 0;  // mean over the images; percent
};

using MakeModel = std::function<std::unique_ptr<Model>(ParameterStore&)>;
MakeModel without_dropout(const ModelInfo& info);  // the network of a checkpoint

class LossSurface {
 public:
  // progress: called after each batch with its number of images.
  LossSurface(const MakeModel& make, std::vector<Batch> batches, StepContext& context,
              std::function<void(int64_t)> progress = {});
  LossSurface(const LossSurface&) = delete;
  LossSurface& operator=(const LossSurface&) = delete;

  std::vector<float> parameters() const { return store_.value.to_vector(); }  // flat, with padding, which is zero
  void set(std::span<const float> w);
  // At the current parameters. Leaves the mean of the batches' statistics as running statistics.
  LossPoint evaluate();
  // The gradient at w. RunFailed where loss or gradient is not finite. Leaves the parameters at w.
  std::vector<float> gradient(std::span<const float> w);

  ParameterStore& store() { return store_; }
  const ParameterStore& store() const { return store_; }
  const Model& model() const { return *model_; }
  int64_t images() const { return images_; }

 private:
  Loss forward(const Batch& batch);

  ParameterStore store_;
  std::unique_ptr<Model> model_;
  std::vector<Batch> batches_;
  int64_t images_ = 0;
  StepContext& context_;
  std::function<void(int64_t)> progress_;
};

}  // namespace skein
