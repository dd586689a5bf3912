// The test set of a run, shared out: every process evaluates a shard of its batches, and where a process has several
// GPUs, each of these. The scores of the batches are added in the order of the batches, so that the sums have the bits
// of one process that evaluates alone.
//
// Calls are collective and must be made while no worker computes. Errors are those of ProcessGroup::on_all_ranks().
#pragma once

#include <memory>
#include <vector>

#include "base/terminal/progress_line.h"
#include "train/averaged_model.h"
#include "train/evaluation/evaluation.h"
#include "train/evaluation/predictions.h"
#include "train/worker_pool.h"

namespace skein {

class ShardedTestSet {
 public:
  ShardedTestSet(ProcessGroup& group, WorkerPool& pool, const ModelInfo& info, const Splits& data);

  // The score of a model, the same one on every process, in the memory of the first GPU of each; its parameters are
  // `parameters`. Draws a line on the terminal of rank 0 if it takes long. predictions: filled on rank 0, or null on
  // all ranks.
  Score test(const Model& model, const ParameterStore& parameters, Predictions* predictions);

  const Dataset& data() const { return data_; }
  // The whole set, where this process has it all to itself; else null.
  Loader* whole() const { return parts_ == 1 ? shards_.front().batches.get() : nullptr; }
  // In which a GPU of this process evaluates; -1: the CPU.
  StepContext& context_on(int gpu);

  // Runs a forward pass on zeros for each size of batch, so that every layer chooses its convolution, which on a GPU
  // depends on that size. Not collective.
  void warm_up_convolutions(const Model& model);

 private:
  struct Shard {
    int64_t worker;                            // of this process: the first that sits on the shard's GPU
    std::unique_ptr<AveragedModel> copy = {};  // of the model, null on the first GPU
    int64_t part = 0;                          // of parts_
    std::unique_ptr<Loader> batches = {};      // null where there are fewer batches than parts
    std::vector<BatchScore> scores = {};       // of the last test()
    std::vector<Prediction> predictions = {};  // the same
  };
  // A value and its place in the whole set: the number of the batch or of the image.
  template <class T>
  struct Placed {
    int64_t place;
    T value;
  };

  void copy_model(const ParameterStore& parameters);
  void test_shard(Shard& shard, const Model& model, bool predict, ProgressLine* progress);
  // The values of all processes by their places; `mine` are this one's.
  template <class T>
  std::vector<T> gather(std::vector<Placed<T>> mine);

  ProcessGroup& group_;
  WorkerPool& pool_;
  const Dataset data_;
  const int64_t batch_;
  const DType activations_;
  int64_t parts_ = 0;  // of the run
  std::vector<Shard> shards_;
};

}  // namespace skein
