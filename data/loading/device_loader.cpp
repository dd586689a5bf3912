#include "data/loading/device_loader.h"

#include <algorithm>

#include "base/check.h"
#include "kernels/augment.h"
#include "kernels/gather.h"

namespace skein {

DeviceLoader::DeviceLoader(Dataset dataset, const LoaderOptions& options, Queue compute, DType images)
    : dataset_(std::move(dataset)),
      options_(options),
      order_(dataset_, options),
      augmentation_(augmentation_of(dataset_, options)),
      compute_(compute.stream),
      beside_(cuda::create_stream()),
      samples_(Tensor::empty(Device::cuda, DType::i32, {order_.epoch_size()})),
      epoch_(options.epoch),
      step_(options.step) {
  CHECK(dataset_.resident, "dataset '{}' is not in the GPU's memory", dataset_.name);
  for (Slot& slot : slots_) {
    slot.images =
        Tensor::empty(Device::cuda, images, {order_.batch(), dataset_.height(), dataset_.width(), dataset_.channels()});
    slot.labels = Tensor::empty(Device::cuda, DType::i32, {order_.batch()});
    slot.filled = cuda::create_event();
    slot.released = cuda::create_event();
  }
  fill(slots_[0]);
}

DeviceLoader::~DeviceLoader() {
  cuda::destroy_stream(beside_);
  for (Slot& slot : slots_) {
    cuda::destroy_event(slot.filled);
    cuda::destroy_event(slot.released);
  }
}

const Batch& DeviceLoader::next() {
  Slot &now = slots_[taken_ % 2], &other = slots_[(taken_ + 1) % 2];
  if (taken_ > 0) {  // the other slot's batch was given out last: it may be overwritten when the step on it is done
    cuda::record(other.released, compute_);
    cuda::wait(beside_, other.released);
  }
  fill(other);
  cuda::wait(compute_, now.filled);
  ++taken_;
  return now.batch;
}

void DeviceLoader::fill(Slot& slot) {
  if (samples_epoch_ != (options_.training ? epoch_ : 0)) {
    cuda::copy_from_host(beside_, order_.epoch(epoch_).data(), samples_);
    samples_epoch_ = options_.training ? epoch_ : 0;
  }
  const int64_t begin = step_ * order_.batch(), size = std::min(order_.batch(), order_.epoch_size() - begin);
  slot.batch = {slot.images.slice(0, {size, dataset_.height(), dataset_.width(), dataset_.channels()}),
                slot.labels.slice(0, {size}), size, epoch_, step_};
  const Tensor samples = samples_.slice(begin, {size});
  const Queue queue{Device::cuda, beside_};
  queue.run(kernel::augment, dataset_.resident->images, samples, augmentation_, options_.seed, uint32_t(epoch_),
            slot.batch.images);
  queue.run(kernel::gather, dataset_.resident->labels, samples, slot.batch.labels);
  cuda::record(slot.filled, beside_);
  if (++step_ == order_.steps()) {
    step_ = 0;
    ++epoch_;
  }
}

}  // namespace skein
