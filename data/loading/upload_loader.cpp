#include "data/loading/upload_loader.h"

#include "kernels/cast.h"

namespace skein {

UploadLoader::UploadLoader(std::unique_ptr<DecodeLoader> host, Queue compute, DType images)
    : host_(std::move(host)), images_(images), compute_(compute.stream), beside_(cuda::create_stream()) {
  const Dataset& data = host_->dataset();
  const Shape shape{host_->batch(), data.height(), data.width(), data.channels()};
  for (Slot& slot : slots_) {
    slot.f32 = Tensor::empty(Device::cuda, DType::f32, shape);
    slot.images = images_ == DType::f32 ? slot.f32 : Tensor::empty(Device::cuda, images_, shape);
    slot.labels = Tensor::empty(Device::cuda, DType::i32, {host_->batch()});
    slot.filled = cuda::create_event();
    slot.released = cuda::create_event();
  }
  fill(slots_[0]);
}

UploadLoader::~UploadLoader() {
  cuda::destroy_stream(beside_);
  for (Slot& slot : slots_) {
    cuda::destroy_event(slot.filled);
    cuda::destroy_event(slot.released);
  }
}

const Batch& UploadLoader::next() {
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

void UploadLoader::fill(Slot& slot) {
  const Batch& from = host_->next();
  const Tensor f32 = slot.f32.slice(0, from.images.shape());
  slot.batch = {slot.images.slice(0, from.images.shape()), slot.labels.slice(0, from.labels.shape()), from.size,
                from.epoch, from.index};
  cuda::copy_from_host(beside_, from.images.view().data, f32);
  cuda::copy_from_host(beside_, from.labels.view().data, slot.batch.labels);
  if (images_ != DType::f32) Queue{Device::cuda, beside_}.run(kernel::cast, f32, slot.batch.images);
  cuda::record(slot.filled, beside_);
}

}  // namespace skein
