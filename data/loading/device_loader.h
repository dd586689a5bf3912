// Batches made on the GPU, from a dataset that is resident there: a stream beside the compute stream gathers, augments
// and normalises the next batch while a step computes on this one. Two slots; events keep the two streams in order, so
// the host neither copies images nor waits.
#pragma once

#include "data/loading/loader.h"
#include "data/loading/sample_order.h"
#include "kernels/runtime.h"

namespace skein {

class DeviceLoader final : public BatchSource {
 public:
  DeviceLoader(Dataset dataset, const LoaderOptions& options, Queue compute, DType images);
  ~DeviceLoader() override;
  DeviceLoader(const DeviceLoader&) = delete;
  DeviceLoader& operator=(const DeviceLoader&) = delete;

  int64_t steps() const override { return order_.steps(); }
  const Batch& next() override;
  double wait_seconds() const override { return 0; }  // the GPU waits, not the host

 private:
  struct Slot {
    Tensor images, labels;  // full-size memory
    Batch batch;
    cuda::Event filled = nullptr, released = nullptr;
  };
  void fill(Slot& slot);  // enqueues the making of the batch number (epoch_, step_) and goes on to the next

  Dataset dataset_;
  LoaderOptions options_;
  SampleOrder order_;
  Augmentation augmentation_;
  Stream compute_, beside_;
  Tensor samples_;  // i32, the order of epoch samples_epoch_
  int64_t samples_epoch_ = -1, epoch_, step_;
  Slot slots_[2];
  int64_t taken_ = 0;  // batches given out
};

}  // namespace skein
