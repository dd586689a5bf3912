// Batches in host memory from images in memory. One background thread gathers, augments, normalises and mixes into a
// ring of three slots, which are allocated once.
#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "data/augment/trivial_augment.h"
#include "data/loading/batch_mix.h"
#include "data/loading/sample_order.h"

namespace skein {

class HostLoader final : public Loader {
 public:
  // `images`: type of a batch's images, f32 or bf16.
  HostLoader(Dataset dataset, const LoaderOptions& options, DType images = DType::f32);
  ~HostLoader() override;
  HostLoader(const HostLoader&) = delete;
  HostLoader& operator=(const HostLoader&) = delete;

  int64_t steps() const override { return order_.steps(); }
  const Batch& next() override;
  double wait_seconds() const override { return wait_seconds_; }
  void restart(int64_t epoch, std::vector<int32_t> samples) override;

 private:
  static constexpr size_t kSlots = 3;
  void start();
  void stop();                                          // waits for the thread
  void produce();                                       // body of the thread
  void fill(size_t slot, int64_t epoch, int64_t step);  // writes batches_[slot]
  void fill_images(std::span<const int32_t> samples, int64_t epoch, const Tensor& images);

  Dataset dataset_;
  LoaderOptions options_;
  SampleOrder order_;
  Augmentation augmentation_;
  Tensor images_[kSlots], labels_[kSlots];  // memory for full batches
  Batch batches_[kSlots];
  BatchMixer mixer_;
  MixMemory mix_memory_[kSlots];
  Tensor pixels_;                   // u8, images of a batch between crop and normalisation; only with trivial_augment
  std::vector<int32_t> positions_;  // 0 .. batch - 1, the same
  Bytes scratch_;
  std::vector<Box> boxes_;

  std::mutex mutex_;
  std::condition_variable filled_, freed_;
  // Guarded by mutex_: batches since the start, and the two members below.
  size_t produced_ = 0, taken_ = 0, released_ = 0;
  bool stop_ = false;
  std::exception_ptr error_;
  double wait_seconds_ = 0;
  std::thread thread_;  // last: the thread uses all other members
};

}  // namespace skein
