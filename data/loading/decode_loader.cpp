#include "data/loading/decode_loader.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/bf16.h"
#include "base/check.h"
#include "base/stopwatch.h"
#include "base/trace.h"
#include "data/image/random_crop.h"
#include "kernels/erase.h"

namespace skein {
namespace {

constexpr double kAcceptedWait = 0.02;  // fraction of the caller's time; above it, one more thread is started
constexpr double kReviewSeconds = 0.25;

}  // namespace

DecodeLoader::DecodeLoader(Dataset dataset, const LoaderOptions& options, DType images)
    : dataset_(std::move(dataset)),
      options_(options),
      order_(dataset_, options),
      mixer_(options, Device::cpu, order_.batch()),
      epoch_(options.epoch),
      step_(options.step),
      reviewed_(Clock::now()) {
  CHECK(dataset_.is_encoded() && dataset_.channels() == 3 && dataset_.height() == dataset_.width(),
        "crops are squares of 3 channels, of encoded images");
  std::copy_n(dataset_.mean, 3, scale_.mean);
  std::copy_n(dataset_.std, 3, scale_.std);
  const int64_t cores = std::max(1u, std::thread::hardware_concurrency());
  most_threads_ = options.decode_threads > 0 ? options.decode_threads : std::max<int64_t>(1, cores / options.workers);
  for (Slot& slot : slots_) {
    slot.images = Tensor::empty(Device::cpu, images, {order_.batch(), dataset_.height(), dataset_.width(), 3});
    slot.labels = Tensor::empty(Device::cpu, DType::i32, {order_.batch()});
    slot.mix = mixer_.memory();
  }
  for (int64_t i = 0; i < std::max<int64_t>(1, options.decode_threads); ++i) add_thread();
}

void DecodeLoader::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  freed_.notify_all();
}

void DecodeLoader::add_thread() {
  threads_.add("a thread that decodes images", [this] { work(); });
}

const Batch& DecodeLoader::next() {
  double waited = 0;
  Slot* slot = nullptr;
  {
    std::unique_lock lock(mutex_);
    released_ = taken_;
    freed_.notify_all();
    slot = &slots_[taken_ % kSlots];
    const auto ready = [&] { return (opened_ > taken_ && slot->missing == 0) || error_; };
    if (!ready()) {
      const auto begin = Clock::now();
      filled_.wait(lock, ready);
      waited = seconds_since(begin);
    }
    if (error_) std::rethrow_exception(error_);
    if (options_.training) trace::counter("batches ready", double(std::max<size_t>(opened_ - taken_, 1) - 1));
    ++taken_;
  }
  wait_seconds_ += waited;
  if (threads() < most_threads_) review_threads();
  return slot->batch;
}

// Called by next(). Adds a thread if the caller was blocked for more than kAcceptedWait of the time since the last
// review.
void DecodeLoader::review_threads() {
  const double seconds = seconds_since(reviewed_);
  if (seconds < kReviewSeconds) return;
  if (wait_seconds_ - reviewed_wait_ > kAcceptedWait * seconds) add_thread_if_allowed();
  reviewed_ = Clock::now();
  reviewed_wait_ = wait_seconds_;
}

// A run that could be faster does not end.
void DecodeLoader::add_thread_if_allowed() {
  try {
    add_thread();
  } catch (const RunFailed&) {
    most_threads_ = threads();
  }
}

void DecodeLoader::work() {
  trace::name_thread(options_.rank, "decoder");
  try {
    Workspace workspace;
    std::unique_lock lock(mutex_);
    for (DecodeTask task{}; claim(task, lock);) {
      lock.unlock();
      in_span("image", [&] { fill(task, workspace); });
      lock.lock();
      if (task.slot->missing == 1 && mixer_.on()) {  // all other images of the batch are there
        lock.unlock();
        mixer_.mix({}, task.slot->mix, task.slot->batch);
        lock.lock();
      }
      if (--task.slot->missing == 0) filled_.notify_one();
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::current_exception();
    filled_.notify_one();
  }
}

// Claims the next image in the order of the batches. False: the loader is being destroyed or a thread has failed.
bool DecodeLoader::claim(DecodeTask& task, std::unique_lock<std::mutex>& lock) {
  freed_.wait(lock, [this] { return stop_ || error_ || position_ > 0 || opened_ - released_ < kSlots; });
  if (stop_ || error_) return false;
  if (position_ == 0) open_batch(slots_[opened_++ % kSlots]);
  Slot& slot = slots_[(opened_ - 1) % kSlots];
  task = {&slot, position_, order_.epoch(epoch_)[size_t(step_ * order_.batch() + position_)]};
  if (++position_ < slot.batch.size) return true;
  position_ = 0;
  if (++step_ == steps()) {
    step_ = 0;
    ++epoch_;
  }
  return true;
}

void DecodeLoader::open_batch(Slot& slot) {
  const std::span<const int32_t> all = order_.epoch(epoch_);
  const int64_t begin = step_ * order_.batch(), size = std::min(order_.batch(), int64_t(all.size()) - begin);
  slot.batch = {slot.images.slice(0, {size, dataset_.height(), dataset_.width(), 3}), slot.labels.slice(0, {size}),
                size, epoch_, step_};
  slot.missing = size;
  // Read-ahead by half windows: request the half window after the one that is being decoded.
  const auto ahead = size_t(ShardLayout{}.window / 2), from = size_t(begin) / ahead * ahead + ahead;
  if (size_t(begin) % ahead < size_t(size)) {
    if (begin == 0) dataset_.encoded().prefetch(all.first(std::min(ahead, all.size())));
    if (from < all.size()) dataset_.encoded().prefetch(all.subspan(from, std::min(ahead, all.size() - from)));
  }
}

void DecodeLoader::fill(const DecodeTask& task, Workspace& workspace) {
  const int64_t side = dataset_.height(), numbers = side * side * 3, at = task.position * numbers;
  const View images = task.slot->images;
  const bool rounds = images.dtype == DType::bf16;
  if (rounds) workspace.image.resize(size_t(numbers));
  float* const to = rounds ? workspace.image.data() : images.as<float>() + at;
  for (int64_t tries = 0; tries < dataset_.size(); ++tries) {
    const int64_t sample = (task.sample + tries) % dataset_.size();
    try {
      const int64_t epoch = task.slot->batch.epoch;
      const ImageSize size = workspace.decoder.open(dataset_.encoded().read(sample, workspace.file));
      const bool random = options_.training && options_.augment;
      Crop crop = random ? random_resized_crop(size, options_.seed, epoch, sample) : centre_crop(size, side);
      if (random && options_.flip == Flip::alternate)
        crop.flip = is_flipped(options_.flip, options_.seed, uint32_t(epoch), uint32_t(sample));
      decode(crop, epoch, sample, workspace, to);
      if (rounds) std::transform(to, to + numbers, images.as<Bf16>() + at, to_bf16);
      task.slot->labels.view().as<int32_t>()[task.position] = dataset_.label()[sample];
      return;
    } catch (const BadImage& e) {
      dataset_.encoded().bad->report(dataset_.encoded().place(sample), e.what());
    }
  }
  throw BadInput("dataset '{}': none of the images can be decoded", dataset_.name);
}

// Writes the crop of the image that the decoder has open.
void DecodeLoader::decode(const Crop& crop, int64_t epoch, int64_t sample, Workspace& workspace, float* to) const {
  const int64_t side = dataset_.height();
  const bool trivial = options_.training && options_.trivial_augment;
  workspace.decoder.decode(crop, trivial ? PixelScale{} : scale_, {side, side}, to);
  if (trivial) {
    workspace.pixels.resize(size_t(side * side * 3));
    std::transform(to, to + workspace.pixels.size(), workspace.pixels.begin(),
                   [](float byte) { return uint8_t(std::clamp(std::nearbyint(byte), 0.0f, 255.0f)); });
    trivial_augment({workspace.pixels.data(), DType::u8, {1, side, side, 3}},
                    draw_trivial(options_.seed, epoch, sample), workspace.scratch);
    for (size_t i = 0; i < workspace.pixels.size(); ++i)
      to[i] = (float(workspace.pixels[i]) / 255.0f - scale_.mean[i % 3]) / scale_.std[i % 3];
  }
  if (!options_.training || !options_.erase.any()) return;
  Box box = draw_erased(options_.erase, side, side, options_.seed, epoch, sample);
  cpu::erase(nullptr, {&box, DType::i32, {1, 1, 1, 4}}, {to, DType::f32, {1, side, side, 3}});
}

}  // namespace skein
