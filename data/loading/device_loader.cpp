#include "data/loading/device_loader.h"

#include <algorithm>

#include "base/check.h"
#include "kernels/augment.h"
#include "kernels/erase.h"
#include "kernels/gather.h"

namespace skein {

DeviceLoader::DeviceLoader(Dataset dataset, const LoaderOptions& options, Queue compute, DType images)
    : dataset_(std::move(dataset)),
      options_(options),
      order_(dataset_, options),
      augmentation_(augmentation_of(dataset_, options)),
      mixer_(options, Device::cuda, order_.batch()),
      samples_(Tensor::empty(Device::cuda, DType::i32, {order_.epoch_size()})),
      epoch_(options.epoch),
      step_(options.step),
      buffer_(compute, {order_.batch(), dataset_.height(), dataset_.width(), dataset_.channels()}, images, mixer_) {
  CHECK(dataset_.is_resident(), "dataset '{}' is not in the GPU's memory", dataset_.name);
  if (options.training && options.erase.any()) boxes_ = Tensor::empty(Device::cuda, DType::i32, {order_.batch(), 4});
  buffer_.start([this](DoubleBuffer::Slot& slot) { fill(slot); });
}

void DeviceLoader::restart(int64_t epoch, std::vector<int32_t> samples) {
  order_.restart(std::move(samples));
  if (samples_.numel() < order_.epoch_size()) {
    cuda::synchronize(buffer_.stream());  // it reads the old ones
    samples_ = Tensor::empty(Device::cuda, DType::i32, {order_.epoch_size()});
  }
  samples_epoch_ = -1;
  epoch_ = epoch;
  step_ = 0;
  buffer_.start([this](DoubleBuffer::Slot& slot) { fill(slot); });
}

const Batch& DeviceLoader::next() {
  return buffer_.next([this](DoubleBuffer::Slot& slot) { fill(slot); });
}

void DeviceLoader::fill(DoubleBuffer::Slot& slot) {
  const Stream stream = buffer_.stream();
  const std::span<const int32_t> all = order_.epoch(epoch_);
  if (samples_epoch_ != (options_.training ? epoch_ : 0)) {
    cuda::copy_from_host(stream, all.data(), samples_.slice(0, {std::ssize(all)}));
    samples_epoch_ = options_.training ? epoch_ : 0;
  }
  const int64_t begin = step_ * order_.batch(), size = std::min(order_.batch(), order_.epoch_size() - begin);
  slot.batch = {slot.images.slice(0, {size, dataset_.height(), dataset_.width(), dataset_.channels()}),
                slot.labels.slice(0, {size}), size, epoch_, step_};
  const Tensor samples = samples_.slice(begin, {size});
  const Queue queue{Device::cuda, stream};
  queue.run(kernel::augment, dataset_.resident->images, samples, augmentation_, options_.seed, uint32_t(epoch_),
            slot.batch.images);
  queue.run(kernel::gather, dataset_.resident->labels, samples, slot.batch.labels);
  if (boxes_.defined()) {
    draw_erased(options_.erase, dataset_.height(), dataset_.width(), options_.seed, epoch_,
                all.subspan(size_t(begin), size_t(size)), host_boxes_);
    const Tensor boxes = boxes_.slice(0, {size, 4});
    cuda::copy_from_host(stream, host_boxes_.data(), boxes);
    queue.run(kernel::erase, boxes, slot.batch.images);
  }
  mixer_.mix(queue, slot.mix, slot.batch);
  if (++step_ == order_.steps()) {
    step_ = 0;
    ++epoch_;
  }
}

}  // namespace skein
