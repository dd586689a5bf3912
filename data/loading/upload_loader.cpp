#include "data/loading/upload_loader.h"

#include "kernels/cast.h"

namespace skein {

UploadLoader::UploadLoader(std::unique_ptr<Loader> host, const LoaderOptions& options, const Shape& full, Queue compute,
                           DType images)
    : host_(std::move(host)),
      left_(options.samples.empty() ? -1 : host_->steps()),
      f32_(images == DType::f32 ? Tensor{} : Tensor::empty(Device::cuda, DType::f32, full)),
      buffer_(compute, full, images, BatchMixer(options, Device::cuda, full[0])) {
  buffer_.start([this](DoubleBuffer::Slot& slot) { fill(slot); });
}

void UploadLoader::restart(int64_t epoch, std::vector<int32_t> samples) {
  host_->restart(epoch, std::move(samples));
  left_ = host_->steps();
  buffer_.start([this](DoubleBuffer::Slot& slot) { fill(slot); });
}

const Batch& UploadLoader::next() {
  return buffer_.next([this](DoubleBuffer::Slot& slot) { fill(slot); });
}

void UploadLoader::fill(DoubleBuffer::Slot& slot) {
  if (left_ == 0) return;  // it is one ahead
  if (left_ > 0) --left_;
  const Stream stream = buffer_.stream();
  const Batch& from = host_->next();
  slot.batch = {slot.images.slice(0, from.images.shape()), slot.labels.slice(0, from.labels.shape()), from.size,
                from.epoch, from.index};
  const Tensor f32 = f32_.defined() ? f32_.slice(0, from.images.shape()) : slot.batch.images;
  cuda::copy_from_host(stream, from.images.view().data, f32);
  cuda::copy_from_host(stream, from.labels.view().data, slot.batch.labels);
  if (from.label_weights.defined()) {
    slot.batch.second_labels = slot.mix.second_labels.slice(0, from.labels.shape());
    slot.batch.label_weights = slot.mix.label_weights.slice(0, from.labels.shape());
    cuda::copy_from_host(stream, from.second_labels.view().data, slot.batch.second_labels);
    cuda::copy_from_host(stream, from.label_weights.view().data, slot.batch.label_weights);
  }
  if (f32_.defined()) Queue{Device::cuda, stream}.run(kernel::cast, f32, slot.batch.images);
}

}  // namespace skein
