// The order in which a loader visits the samples. Training: the worker's samples of each epoch
// (data/loading/partition.h). Evaluation: all samples in stored order, or every K-th batch of them.
#pragma once

#include <span>
#include <vector>

#include "data/dataset.h"
#include "data/loading/loader.h"
#include "kernels/augment.h"

namespace skein {

// The samples of an evaluation that worker `rank` of `workers` takes: of the batches in stored order those numbered
// rank, rank + workers, ... So a whole set has the same batches, and gives the same sums, whoever computes them.
std::vector<int32_t> evaluation_part(int64_t samples, int64_t batch, int64_t workers, int64_t rank);

class SampleOrder {
 public:
  // BadInput if there are fewer images than workers, or in evaluation fewer batches.
  SampleOrder(const Dataset& dataset, const LoaderOptions& options);

  int64_t steps() const { return steps_; }  // batches per epoch
  // Images of a full batch: min(options.batch, epoch_size()), or with options.samples options.batch.
  int64_t batch() const { return batch_; }
  int64_t epoch_size() const { return epoch_size_; }  // samples
  std::span<const int32_t> epoch(int64_t epoch);      // valid until the next call with another epoch
  void restart(std::vector<int32_t> samples);         // of an order of options.samples

 private:
  std::span<const int32_t> labels_;
  LoaderOptions options_;
  ShardLayout layout_;
  int64_t steps_, batch_, epoch_size_;
  std::vector<int32_t> scratch_;
  std::span<const int32_t> samples_;
  int64_t current_ = -1;
};

Augmentation augmentation_of(const Dataset& dataset, const LoaderOptions& options);

}  // namespace skein
