// Batches for a GPU that are made in host memory: of encoded images by a DecodeLoader, of images in memory by a
// HostLoader (trivial_augment has no kernels). They are copied to the GPU on a copy stream while a step computes on the
// previous batch. bf16 batches are copied as f32 and converted on the GPU.
#pragma once

#include <memory>

#include "data/loading/double_buffer.h"

namespace skein {

class UploadLoader final : public Loader {
 public:
  // `full`: shape (N,H,W,C) of the host's full batch; `options`: the host's.
  UploadLoader(std::unique_ptr<Loader> host, const LoaderOptions& options, const Shape& full, Queue compute,
               DType images);

  int64_t steps() const override { return host_->steps(); }
  const Batch& next() override;
  double wait_seconds() const override { return host_->wait_seconds(); }
  void restart(int64_t epoch, std::vector<int32_t> samples) override;

 private:
  void fill(DoubleBuffer::Slot& slot);

  std::unique_ptr<Loader> host_;
  int64_t left_;         // batches that the host will make; -1: no end
  Tensor f32_;           // full batch as it comes from the host; undefined if batches are f32
  DoubleBuffer buffer_;  // last: its destructor waits for work that reads the members above
};

}  // namespace skein
