#include "data/loading/host_loader.h"

#include <algorithm>

#include "base/stopwatch.h"
#include "kernels/augment.h"
#include "kernels/gather.h"

namespace skein {

HostLoader::HostLoader(Dataset dataset, const LoaderOptions& options)
    : dataset_(std::move(dataset)),
      options_(options),
      order_(dataset_, options),
      augmentation_(augmentation_of(dataset_, options)) {
  for (size_t i = 0; i < kSlots; ++i) {
    images_[i] = Tensor::empty(Device::cpu, DType::f32,
                               {order_.batch(), dataset_.height(), dataset_.width(), dataset_.channels()});
    labels_[i] = Tensor::empty(Device::cpu, DType::i32, {order_.batch()});
  }
  thread_ = std::thread(&HostLoader::produce, this);
}

HostLoader::~HostLoader() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  freed_.notify_one();
  thread_.join();
}

const Batch& HostLoader::next() {
  std::unique_lock lock(mutex_);
  released_ = taken_;
  freed_.notify_one();
  const auto ready = [this] { return produced_ > taken_ || error_; };
  if (!ready()) {
    const auto begin = Clock::now();
    filled_.wait(lock, ready);
    wait_seconds_ += seconds_since(begin);
  }
  if (produced_ == taken_) std::rethrow_exception(error_);
  return batches_[taken_++ % kSlots];
}

void HostLoader::produce() {
  try {
    int64_t epoch = options_.epoch, step = options_.step;
    for (size_t slot = 0;; slot = (slot + 1) % kSlots) {
      {
        std::unique_lock lock(mutex_);
        freed_.wait(lock, [this] { return stop_ || produced_ - released_ < kSlots; });
        if (stop_) return;
      }
      fill(slot, epoch, step);
      if (++step == steps()) {
        step = 0;
        ++epoch;
      }
      const std::lock_guard lock(mutex_);
      ++produced_;
      filled_.notify_one();
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    error_ = std::current_exception();
    filled_.notify_one();
  }
}

void HostLoader::fill(size_t slot, int64_t epoch, int64_t step) {
  const std::span<const int32_t> all = order_.epoch(epoch);
  const int64_t begin = step * order_.batch(), size = std::min(order_.batch(), int64_t(all.size()) - begin);
  const View samples{const_cast<int32_t*>(all.data() + begin), DType::i32, {1, 1, 1, size}};
  Batch& batch = batches_[slot];
  batch.images = images_[slot].slice(0, {size, dataset_.height(), dataset_.width(), dataset_.channels()});
  batch.labels = labels_[slot].slice(0, {size});
  batch.size = size;
  batch.epoch = epoch;
  batch.index = step;
  cpu::augment(nullptr, dataset_.images, samples, augmentation_, options_.seed, uint32_t(epoch), batch.images);
  cpu::gather(nullptr, dataset_.labels, samples, batch.labels);
}

}  // namespace skein
