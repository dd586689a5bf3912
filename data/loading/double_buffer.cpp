#include "data/loading/double_buffer.h"

namespace skein {

DoubleBuffer::DoubleBuffer(Queue compute, const Shape& images, DType type, const BatchMixer& mixer)
    : compute_(compute.stream), copy_stream_(cuda::create_stream()) {
  for (Slot& slot : slots_) {
    slot.images = Tensor::empty(Device::cuda, type, images);
    slot.labels = Tensor::empty(Device::cuda, DType::i32, {images.dims[0]});
    slot.mix = mixer.memory();
    slot.filled = cuda::create_event();
    slot.released = cuda::create_event();
  }
}

DoubleBuffer::~DoubleBuffer() {
  cuda::destroy_stream(copy_stream_);
  for (Slot& slot : slots_) {
    cuda::destroy_event(slot.filled);
    cuda::destroy_event(slot.released);
  }
}

void DoubleBuffer::start(const Fill& fill) { enqueue(slots_[taken_ % 2], fill); }

const Batch& DoubleBuffer::next(const Fill& fill) {
  Slot &now = slots_[taken_ % 2], &other = slots_[(taken_ + 1) % 2];
  if (taken_ > 0) {  // the other slot was returned last: overwrite it only after the step that reads it
    cuda::record(other.released, compute_);
    cuda::wait(copy_stream_, other.released);
  }
  enqueue(other, fill);
  cuda::wait(compute_, now.filled);
  ++taken_;
  return now.batch;
}

void DoubleBuffer::enqueue(Slot& slot, const Fill& fill) {
  fill(slot);
  cuda::record(slot.filled, copy_stream_);
}

}  // namespace skein
