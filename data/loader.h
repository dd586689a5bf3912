// Batches ready when they are wanted: one background thread augments into a ring of three slots, taken once at the
// start, while the caller computes on an earlier one. What is in a batch depends on (dataset, options, epoch, index)
// only, not on threads or timing; a sample's augmentation depends on (seed, epoch, sample), not even on the worker.
#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "data/dataset.h"
#include "data/partition.h"
#include "engine/tensor.h"

namespace skein {

struct LoaderOptions {
  int64_t batch = 128;
  bool training = true;  // permuted and augmented; otherwise in order and normalised only, over the whole set
  int64_t workers = 1, rank = 0;
  Partition partition = Partition::global;
  uint64_t seed = 0;
  bool augment = true;  // of training batches: flip and crop
  int32_t padding = 4;
  int64_t epoch = 0, step = 0;  // the first batch that next() gives (resume)
};

struct Batch {
  Tensor images;  // f32 (size,H,W,C), on the CPU
  Tensor labels;  // i32 (size)
  int64_t size = 0;
  int64_t epoch = 0, index = 0;  // index of the batch within its epoch
};

class Loader {
 public:
  Loader(Dataset dataset, const LoaderOptions& options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  int64_t steps() const { return steps_; }  // batches per epoch; for evaluation, of one pass over the set
  const Batch& next();                      // blocks; valid until the next call; epochs follow one another without end
  double wait_seconds() const { return wait_seconds_; }  // time that next() was blocked, since the start

 private:
  static constexpr size_t kSlots = 3;
  void produce();                                       // body of the thread
  void fill(size_t slot, int64_t epoch, int64_t step);  // makes batches_[slot]

  Dataset dataset_;
  LoaderOptions options_;
  int64_t steps_ = 0;
  Tensor images_[kSlots], labels_[kSlots];  // full-size memory of the slots
  Batch batches_[kSlots];
  std::vector<int32_t> order_;
  std::span<int32_t> samples_;  // of order_: the worker's in order_epoch_
  int64_t order_epoch_ = -1;

  std::mutex mutex_;
  std::condition_variable filled_, freed_;
  size_t produced_ = 0, taken_ = 0, released_ = 0;  // batches since the start; guarded by mutex_, like the next two
  bool stop_ = false;
  std::exception_ptr error_;
  double wait_seconds_ = 0;
  std::thread thread_;  // last: starts when everything else is there
};

}  // namespace skein
