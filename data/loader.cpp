#include "data/loader.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>

#include "kernels/augment.h"
#include "kernels/check.h"

namespace skein {

Loader::Loader(Dataset dataset, const LoaderOptions& options)
    : dataset_(std::move(dataset)), options_(options), order_(size_t(dataset_.size())) {
  CHECK(options_.training || options_.workers == 1, "evaluation goes over the whole set on one worker");
  steps_ = steps_per_epoch(dataset_.size(), options_.workers, options_.batch);
  if (steps_ == 0)
    throw BadInput("dataset '{}': {} images are too few for {} workers. Use fewer workers or more images",
                   dataset_.name, dataset_.size(), options_.workers);
  CHECK(options_.epoch >= 0 && options_.step >= 0 && options_.step < steps_, "no step {} in epoch {}", options_.step,
        options_.epoch);
  options_.batch = std::min(options_.batch, part_of(dataset_.size(), options_.workers, 0).size());
  for (size_t i = 0; i < kSlots; ++i) {
    images_[i] = Tensor::empty(Device::cpu, DType::f32,
                               {options_.batch, dataset_.height(), dataset_.width(), dataset_.channels()});
    labels_[i] = Tensor::empty(Device::cpu, DType::i32, {options_.batch});
  }
  thread_ = std::thread(&Loader::produce, this);
}

Loader::~Loader() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  freed_.notify_one();
  thread_.join();
}

const Batch& Loader::next() {
  std::unique_lock lock(mutex_);
  released_ = taken_;
  freed_.notify_one();
  const auto ready = [this] { return produced_ > taken_ || error_; };
  if (!ready()) {
    const auto begin = std::chrono::steady_clock::now();
    filled_.wait(lock, ready);
    wait_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  if (produced_ == taken_) std::rethrow_exception(error_);
  return batches_[taken_++ % kSlots];
}

void Loader::produce() {
  try {
    int64_t epoch = options_.epoch, step = options_.step;
    for (size_t slot = 0;; slot = (slot + 1) % kSlots) {
      {
        std::unique_lock lock(mutex_);
        freed_.wait(lock, [this] { return stop_ || produced_ - released_ < kSlots; });
        if (stop_) return;
      }
      fill(slot, epoch, step);
      if (++step == steps_) {
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

void Loader::fill(size_t slot, int64_t epoch, int64_t step) {
  if (options_.training && order_epoch_ != epoch) {
    samples_ = samples_of(options_.partition, options_.seed, epoch, {dataset_.label(), size_t(dataset_.size())},
                          options_.workers, options_.rank, order_);
  } else if (order_epoch_ < 0) {
    std::iota(order_.begin(), order_.end(), 0);
    samples_ = order_;
  }
  order_epoch_ = epoch;

  const int64_t begin = step * options_.batch;
  const int64_t size = std::min(options_.batch, int64_t(samples_.size()) - begin);
  Batch& batch = batches_[slot];
  batch.images = images_[slot].slice(0, {size, dataset_.height(), dataset_.width(), dataset_.channels()});
  batch.labels = labels_[slot].slice(0, {size});
  batch.size = size;
  batch.epoch = epoch;
  batch.index = step;

  int32_t* samples = samples_.data() + begin;
  Augmentation augmentation{options_.training && options_.augment, options_.padding, {}, {}};
  std::copy(dataset_.mean, dataset_.mean + 4, augmentation.mean);
  std::copy(dataset_.std, dataset_.std + 4, augmentation.std);
  cpu::augment(nullptr, dataset_.images, View{samples, DType::i32, {1, 1, 1, size}}, augmentation, options_.seed,
               uint32_t(epoch), batch.images);
  for (int64_t i = 0; i < size; ++i) batch.labels.view().as<int32_t>()[i] = dataset_.label()[samples[i]];
}

}  // namespace skein
