// Which samples a loader gives, in which order: for training the worker's part of each epoch (data/loading/partition.h), for
// evaluation all of them as they are stored.
#pragma once

#include <span>
#include <vector>

#include "data/dataset.h"
#include "data/loading/loader.h"
#include "kernels/augment.h"

namespace skein {

class SampleOrder {
 public:
  // BadInput where there are too few images for the workers.
  SampleOrder(const Dataset& dataset, const LoaderOptions& options);

  int64_t steps() const { return steps_; }  // batches per epoch
  int64_t batch() const { return batch_; }  // largest: the whole part where that is smaller than was asked for
  int64_t epoch_size() const { return epoch_size_; }
  std::span<const int32_t> epoch(int64_t epoch);  // valid until another epoch is asked for

 private:
  std::span<const int32_t> labels_;
  LoaderOptions options_;
  Storage storage_;
  int64_t steps_, batch_, epoch_size_;
  std::vector<int32_t> scratch_;
  std::span<const int32_t> samples_;
  int64_t current_ = -1;
};

Augmentation augmentation_of(const Dataset& dataset, const LoaderOptions& options);

}  // namespace skein
