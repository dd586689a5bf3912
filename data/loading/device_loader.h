// Batches made on the GPU from a dataset that is resident there (make_resident()): a copy stream gathers, augments,
// normalises, erases and mixes the next batch while a step computes on this one. The host copies no images and does not
// wait; it draws the boxes that are erased.
#pragma once

#include "data/loading/double_buffer.h"
#include "data/loading/sample_order.h"

namespace skein {

class DeviceLoader final : public Loader {
 public:
  DeviceLoader(Dataset dataset, const LoaderOptions& options, Queue compute, DType images);

  int64_t steps() const override { return order_.steps(); }
  const Batch& next() override;
  double wait_seconds() const override { return 0; }  // the GPU waits, not the host
  void restart(int64_t epoch, std::vector<int32_t> samples) override;

 private:
  void fill(DoubleBuffer::Slot& slot);  // enqueues batch step_ of epoch_ and advances to the next one

  Dataset dataset_;
  LoaderOptions options_;
  SampleOrder order_;
  Augmentation augmentation_;
  BatchMixer mixer_;
  Tensor boxes_;  // i32 (batch,4), parts that are erased; undefined if none are
  std::vector<Box> host_boxes_;
  Tensor samples_;  // i32, the order of epoch samples_epoch_
  int64_t samples_epoch_ = -1, epoch_, step_;
  DoubleBuffer buffer_;  // last: its destructor waits for work that reads the members above
};

}  // namespace skein
