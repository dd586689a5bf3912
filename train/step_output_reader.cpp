#include "train/step_output_reader.h"

#include <utility>

#include "base/check.h"
#include "base/stopwatch.h"

namespace skein {

StepOutputReader::StepOutputReader(Queue queue, int64_t most) : queue_(queue), parts_(size_t(most)) {
  const size_t bytes = parts_.size() * sizeof(Numbers);
  const bool gpu = queue_.device == Device::cuda;
  numbers_ = static_cast<Numbers*>(gpu ? cuda::allocate_pinned(bytes) : cpu::allocate(bytes));
  if (!gpu) return;
  for (TimedPart& part : parts_) part.begin = cuda::create_timing_event(), part.end = cuda::create_timing_event();
}

StepOutputReader::~StepOutputReader() {
  if (queue_.device == Device::cpu) {
    cpu::release(numbers_);
    return;
  }
  try {
    cuda::synchronize(queue_.stream);  // copies into the memory may be in flight
  } catch (const std::exception&) {
    // The next call on the stream reports the same error.
  }
  cuda::release_pinned(numbers_);
  for (const TimedPart& part : parts_) cuda::destroy_event(part.begin), cuda::destroy_event(part.end);
}

void StepOutputReader::begin() {
  CHECK(noted_ < parts_.size(), "{} parts of steps without collect()", noted_);
  begun_ = Clock::now();
  if (queue_.device == Device::cuda) cuda::record(parts_[noted_].begin, queue_.stream);
}

void StepOutputReader::end(const Loss& loss, int64_t images) {
  DeviceLoss& to = numbers_[noted_].loss;
  queue_.run(kernel::copy_to_host_async, loss.mean->value, &to.mean);
  queue_.run(kernel::copy_to_host_async, loss.correct, to.correct);
  note().images = images;
}

void StepOutputReader::end_averaging(View norms) {
  AveragingNorms& to = numbers_[noted_].norms;
  to = {};
  if (norms) queue_.run(kernel::copy_to_host_async, norms, &to);
  note().averaging = true;
}

StepOutputReader::TimedPart& StepOutputReader::note() {
  TimedPart& part = parts_[noted_++];
  part.step = steps_ - 1;
  part.images = 0;
  part.averaging = false;
  part.seconds = seconds_since(begun_);
  if (queue_.device == Device::cuda) cuda::record(part.end, queue_.stream);
  return part;
}

std::vector<StepOutput> StepOutputReader::collect() {
  const bool gpu = queue_.device == Device::cuda;
  if (gpu && noted_ > 0) cuda::synchronize(queue_.stream);
  std::vector<StepOutput> steps(size_t(std::exchange(steps_, 0)));
  const size_t noted = std::exchange(noted_, 0);
  for (size_t i = 0; i < noted; ++i) {
    const TimedPart& part = parts_[i];
    StepOutput& step = steps[size_t(part.step)];
    const double seconds = gpu ? cuda::seconds_between(part.begin, part.end) : part.seconds;
    (part.averaging ? step.averaging : step.seconds) += seconds;
    if (part.averaging) step.norms = numbers_[i].norms;
    if (part.images == 0) continue;
    step.loss += double(numbers_[i].loss.mean) * double(part.images);
    step.correct += numbers_[i].loss.correct[0];
  }
  return steps;
}

}  // namespace skein
