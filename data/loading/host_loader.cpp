#include "data/loading/host_loader.h"

#include <algorithm>
#include <numeric>

#include "base/stopwatch.h"
#include "base/thread_team.h"
#include "base/trace.h"
#include "kernels/augment.h"
#include "kernels/erase.h"
#include "kernels/gather.h"

namespace skein {
namespace {

View view_of(std::span<const int32_t> numbers) {
  return {const_cast<int32_t*>(numbers.data()), DType::i32, {1, 1, 1, int64_t(numbers.size())}};
}

}  // namespace

HostLoader::HostLoader(Dataset dataset, const LoaderOptions& options, DType images)
    : dataset_(std::move(dataset)),
      options_(options),
      order_(dataset_, options),
      augmentation_(augmentation_of(dataset_, options)),
      mixer_(options, Device::cpu, order_.batch()) {
  const Shape full{order_.batch(), dataset_.height(), dataset_.width(), dataset_.channels()};
  for (size_t i = 0; i < kSlots; ++i) {
    images_[i] = Tensor::empty(Device::cpu, images, full);
    labels_[i] = Tensor::empty(Device::cpu, DType::i32, {order_.batch()});
    mix_memory_[i] = mixer_.memory();
  }
  if (options_.training && options_.trivial_augment) {
    pixels_ = Tensor::empty(Device::cpu, DType::u8, full);
    positions_.resize(size_t(order_.batch()));
    std::iota(positions_.begin(), positions_.end(), 0);
  }
  start();
}

HostLoader::~HostLoader() { stop(); }

void HostLoader::start() {
  thread_ = start_thread("the thread that makes batches", [this] { produce(); });
}

void HostLoader::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  freed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void HostLoader::restart(int64_t epoch, std::vector<int32_t> samples) {
  stop();
  order_.restart(std::move(samples));
  options_.epoch = epoch;
  options_.step = 0;
  produced_ = taken_ = released_ = 0;
  stop_ = false;
  error_ = nullptr;
  start();
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
  if (options_.training) trace::counter("batches ready", double(produced_ - taken_));
  return batches_[taken_++ % kSlots];
}

void HostLoader::produce() {
  trace::name_thread(options_.rank, "loader");
  try {
    int64_t epoch = options_.epoch, step = options_.step;
    for (size_t slot = 0;; slot = (slot + 1) % kSlots) {
      {
        std::unique_lock lock(mutex_);
        freed_.wait(lock, [this] { return stop_ || produced_ - released_ < kSlots; });
        if (stop_) return;
      }
      in_span("batch", [&] { fill(slot, epoch, step); });
      if (++step == steps()) {
        step = 0;
        ++epoch;
      }
      const std::lock_guard lock(mutex_);
      ++produced_;
      filled_.notify_one();
      if (step == 0 && !options_.samples.empty()) return;
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
  const std::span<const int32_t> samples = all.subspan(size_t(begin), size_t(size));
  Batch& batch = batches_[slot];
  batch.images = images_[slot].slice(0, {size, dataset_.height(), dataset_.width(), dataset_.channels()});
  batch.labels = labels_[slot].slice(0, {size});
  batch.size = size;
  batch.epoch = epoch;
  batch.index = step;
  fill_images(samples, epoch, batch.images);
  cpu::gather(nullptr, dataset_.labels, view_of(samples), batch.labels);
  mixer_.mix({}, mix_memory_[slot], batch);
}

void HostLoader::fill_images(std::span<const int32_t> samples, int64_t epoch, const Tensor& images) {
  const auto augment = [&](const View& from, std::span<const int32_t> rows, const Augmentation& a, const Tensor& to) {
    cpu::augment(nullptr, from, view_of(rows), a, options_.seed, uint32_t(epoch), to);
  };
  if (pixels_.defined()) {
    const Tensor pixels = pixels_.slice(0, images.shape());
    augment(dataset_.pixels(), samples, augmentation_, pixels);
    const Shape one{1, dataset_.height(), dataset_.width(), dataset_.channels()};
    for (size_t b = 0; b < samples.size(); ++b)
      trivial_augment(pixels.slice(int64_t(b) * one.numel(), one), draw_trivial(options_.seed, epoch, samples[b]),
                      scratch_);
    Augmentation normalise_only = augmentation_;
    normalise_only.training = false;
    augment(pixels, std::span(positions_).first(samples.size()), normalise_only, images);
  } else {
    augment(dataset_.pixels(), samples, augmentation_, images);
  }
  if (!options_.training || !options_.erase.any()) return;
  draw_erased(options_.erase, dataset_.height(), dataset_.width(), options_.seed, epoch, samples, boxes_);
  cpu::erase(nullptr, {boxes_.data(), DType::i32, {1, 1, int64_t(boxes_.size()), 4}}, images);
}

}  // namespace skein
