// Batches of encoded images for a GPU: made in host memory by a DecodeLoader and copied to the GPU on a copy stream
// while a step computes on the previous batch. bf16 batches are copied as f32 and converted on the GPU.
#pragma once

#include <memory>

#include "data/loading/decode_loader.h"
#include "data/loading/double_buffer.h"

namespace skein {

class UploadLoader final : public Loader {
 public:
  UploadLoader(std::unique_ptr<DecodeLoader> host, Queue compute, DType images);

  int64_t steps() const override { return host_->steps(); }
  const Batch& next() override;
  double wait_seconds() const override { return host_->wait_seconds(); }

 private:
  void fill(DoubleBuffer::Slot& slot);

  std::unique_ptr<DecodeLoader> host_;
  Tensor f32_;           // full batch as it comes from the host; undefined if batches are f32
  DoubleBuffer buffer_;  // last: its destructor waits for work that reads the members above
};

}  // namespace skein
