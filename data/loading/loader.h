// Batches ready when they are wanted, made while the caller computes on an earlier one. What is in a batch depends on
// (dataset, options, epoch, index) only, not on threads, timing or device; a sample's augmentation depends on
// (seed, epoch, sample), not even on the worker. Encoded images are cut out at random (data/image/random_crop.h) instead of
// being padded and shifted.
#pragma once

#include <memory>

#include "data/dataset.h"
#include "data/loading/partition.h"
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
  int64_t decode_threads = 0;   // of encoded images; 0: as many as keep the caller from waiting, one per core at most
  int64_t epoch = 0, step = 0;  // the first batch that next() gives (resume)
};

struct Batch {
  Tensor images;  // (size,H,W,C), f32 or bf16
  Tensor labels;  // i32 (size)
  int64_t size = 0;
  int64_t epoch = 0, index = 0;  // index of the batch within its epoch
};

// How batches are made: data/loading/host_loader.h, data/loading/device_loader.h; of encoded images data/loading/decode_loader.h, and for a GPU
// data/loading/upload_loader.h.
class BatchSource {
 public:
  virtual ~BatchSource() = default;
  virtual int64_t steps() const = 0;
  virtual const Batch& next() = 0;
  virtual double wait_seconds() const = 0;
};

class Loader {
 public:
  // Batches for work on `queue`, whose device's memory they are in; bf16 images on a GPU only. A GPU needs a dataset
  // that is resident there (make_resident()).
  Loader(Dataset dataset, const LoaderOptions& options, Queue queue = {}, DType images = DType::f32);

  int64_t steps() const { return source_->steps(); }  // batches per epoch; for evaluation, of one pass over the set
  // Blocks; epochs follow one another without end. Valid until the next call: by then all work that reads the batch
  // must have been given to the queue.
  const Batch& next() { return source_->next(); }
  double wait_seconds() const { return source_->wait_seconds(); }  // that next() was blocked, since the start

 private:
  std::unique_ptr<BatchSource> source_;
};

}  // namespace skein
