// Batches that are made in host memory, for a GPU: copied there on a stream beside the compute stream while a step
// computes on the one before. Two slots; events keep the two streams in order.
#pragma once

#include <memory>

#include "data/loading/decode_loader.h"
#include "kernels/runtime.h"

namespace skein {

class UploadLoader final : public BatchSource {
 public:
  UploadLoader(std::unique_ptr<DecodeLoader> host, Queue compute, DType images);
  ~UploadLoader() override;
  UploadLoader(const UploadLoader&) = delete;
  UploadLoader& operator=(const UploadLoader&) = delete;

  int64_t steps() const override { return host_->steps(); }
  const Batch& next() override;
  double wait_seconds() const override { return host_->wait_seconds(); }

 private:
  struct Slot {
    Tensor f32, images, labels;  // full-size memory; images is f32 itself unless the batch is bf16
    Batch batch;
    cuda::Event filled = nullptr, released = nullptr;
  };
  void fill(Slot& slot);

  std::unique_ptr<DecodeLoader> host_;
  DType images_;
  Stream compute_, beside_;
  Slot slots_[2];
  int64_t taken_ = 0;  // batches given out
};

}  // namespace skein
