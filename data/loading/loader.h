// Batches of a dataset, made in the background while the caller computes on the previous one.
//
// The contents of a batch depend on (dataset, options, epoch, index) only: not on threads, timing or device. The
// augmentation of a sample depends on (seed, epoch, sample) only, so it does not depend on the worker either.
//   images in memory   shifted and flipped at random (kernels/augment.h), then normalised
//   encoded images     decoded, cropped at random (data/image/random_crop.h), then normalised
// Options of training, off by default, in the order in which they act:
//   trivial_augment    before the normalisation (data/augment/trivial_augment.h); on the host, also for a GPU
//   erase              after it (data/augment/random_erase.h)
//   mix                of the whole batch, keyed by (seed, epoch, index, rank) (data/loading/batch_mix.h)
#pragma once

#include <memory>
#include <vector>

#include "data/augment/random_erase.h"
#include "data/dataset.h"
#include "data/loading/partition.h"
#include "engine/tensor.h"
#include "kernels/augment.h"

namespace skein {

// Parameters alpha of the two kinds of mixing, 0: off, and the part of the batches that is mixed.
struct MixOptions {
  double mixup = 0, cutmix = 0, probability = 1;
  bool any() const { return mixup > 0 || cutmix > 0; }
};

struct LoaderOptions {
  int64_t batch = 128;
  bool training = true;  // permuted and augmented; false: in stored order, normalised only
  // In training, this worker's part of the samples (data/loading/partition.h). In evaluation, of the batches of the
  // whole dataset those numbered rank, rank + workers, ... (evaluation_part()).
  int64_t workers = 1, rank = 0;
  Partition partition = Partition::global;
  uint64_t seed = 0;
  bool augment = true;  // random flip and shift or crop, in training
  Flip flip = Flip::random;
  int32_t padding = 4;  // largest shift in pixels, of images in memory
  bool trivial_augment = false;
  EraseOptions erase = {};
  MixOptions mix = {};
  int64_t decode_threads = 0;   // encoded images; 0: threads are added while the caller waits, up to one per core
  int64_t epoch = 0, step = 0;  // the first batch that next() returns, for resuming
  // Of images in memory, in training: these samples of the epoch alone, in this order and once, instead of a worker's
  // part; restart() gives others. Empty: a worker's part.
  std::vector<int32_t> samples = {};
};

struct Batch {
  Tensor images;  // (size,H,W,C), f32 or bf16
  Tensor labels;  // i32 (size)
  int64_t size = 0;
  int64_t epoch = 0, index = 0;  // index: of the batch within its epoch
  // With mixup or CutMix, else undefined, both (size): i32, the labels of the partners, and f32, the weight of
  // `labels`.
  Tensor second_labels = {}, label_weights = {};
};

// One of HostLoader, DecodeLoader (encoded images), DeviceLoader (GPU) and UploadLoader (encoded images, GPU), each in
// a header of that name.
class Loader {
 public:
  virtual ~Loader() = default;
  virtual int64_t steps() const = 0;  // batches per epoch; in evaluation, of one pass
  // Next batch; blocks until it is made. Epochs follow one another without end. The batch is valid until the next
  // call; before that call, all work that reads it must be enqueued. Errors of background threads are thrown here.
  virtual const Batch& next() = 0;
  virtual double wait_seconds() const = 0;  // total time for which next() was blocked
  // Of a loader with options.samples: these samples of an epoch, one or more, in their place, from the next call of
  // next() on. The batches lie in the same memory, so that a captured step (engine/step_graph.h) reads them.
  virtual void restart(int64_t epoch, std::vector<int32_t> samples);
};

// A loader for work on `queue`: batches lie in the memory of its device. `images` is the type of a batch's images,
// f32 or bf16. On a GPU, a dataset that is not encoded must be resident there (make_resident()).
// BadInput if the dataset has fewer images than there are workers, or in evaluation fewer batches.
std::unique_ptr<Loader> make_loader(Dataset dataset, const LoaderOptions& options, Queue queue = {},
                                    DType images = DType::f32);

}  // namespace skein
