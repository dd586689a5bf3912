// Batches in host memory: one background thread augments into a ring of three slots, taken once at the start.
#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "data/loading/loader.h"
#include "data/loading/sample_order.h"

namespace skein {

class HostLoader final : public BatchSource {
 public:
  HostLoader(Dataset dataset, const LoaderOptions& options);
  ~HostLoader() override;
  HostLoader(const HostLoader&) = delete;
  HostLoader& operator=(const HostLoader&) = delete;

  int64_t steps() const override { return order_.steps(); }
  const Batch& next() override;
  double wait_seconds() const override { return wait_seconds_; }

 private:
  static constexpr size_t kSlots = 3;
  void produce();                                       // body of the thread
  void fill(size_t slot, int64_t epoch, int64_t step);  // makes batches_[slot]

  Dataset dataset_;
  LoaderOptions options_;
  SampleOrder order_;
  Augmentation augmentation_;
  Tensor images_[kSlots], labels_[kSlots];  // full-size memory of the slots
  Batch batches_[kSlots];

  std::mutex mutex_;
  std::condition_variable filled_, freed_;
  size_t produced_ = 0, taken_ = 0, released_ = 0;  // batches since the start; guarded by mutex_, like the next two
  bool stop_ = false;
  std::exception_ptr error_;
  double wait_seconds_ = 0;
  std::thread thread_;  // last: starts when everything else is there
};

}  // namespace skein
