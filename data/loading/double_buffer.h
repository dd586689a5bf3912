// Two batches in GPU memory that take turns: the compute stream reads one while the copy stream fills the other. Events
// order the two streams, so the host waits for neither.
//
//   copy stream      fill 0 | fill 1 |        | fill 0 |        | fill 1 ...
//   compute stream          | step on 0       | step on 1       | step on 0 ...
#pragma once

#include <functional>

#include "data/loading/batch_mix.h"
#include "kernels/device/runtime.h"

namespace skein {

class DoubleBuffer {
 public:
  struct Slot {
    Tensor images, labels;  // memory for a full batch
    MixMemory mix;          // undefined without mixup and CutMix
    Batch batch;            // the part of the memory that is in use
    cuda::Event filled = nullptr, released = nullptr;
  };
  using Fill = std::function<void(Slot&)>;  // enqueues on stream() the work that makes slot.batch

  // `images`: shape (N,H,W,C) of a full batch.
  DoubleBuffer(Queue compute, const Shape& images, DType type, const BatchMixer& mixer);
  ~DoubleBuffer();
  DoubleBuffer(const DoubleBuffer&) = delete;
  DoubleBuffer& operator=(const DoubleBuffer&) = delete;

  Stream stream() const { return copy_stream_; }
  void start(const Fill& fill);         // enqueues the first batch; later, another one in place of the next
  const Batch& next(const Fill& fill);  // enqueues one more and returns the one before, valid until the next call

 private:
  void enqueue(Slot& slot, const Fill& fill);

  Stream compute_, copy_stream_;
  Slot slots_[2];
  int64_t taken_ = 0;  // batches returned so far
};

}  // namespace skein
