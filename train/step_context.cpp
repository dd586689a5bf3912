#include "train/step_context.h"

#include <algorithm>

namespace skein {

StepContext::StepContext(Device device, bool recompute)
    : queue{device, device == Device::cuda ? cuda::create_stream() : nullptr}, arena(device), tape(queue, arena) {
  tape.recompute = recompute;
}

StepContext::~StepContext() { cuda::destroy_stream(queue.stream); }

StepContextPool::StepContextPool(int64_t count, Device device, bool recompute) {
  for (int64_t i = 0; i < count; ++i) {
    contexts_.push_back(std::make_unique<StepContext>(device, recompute));
    free_.push_back(contexts_.back().get());
  }
}

void StepContextPool::synchronize() const {
  for (const auto& context : contexts_) context->queue.run(kernel::synchronize);
}

void StepContextPool::with(int64_t worker, const std::function<void(StepContext&)>& use) {
  StepContext* context = nullptr;
  {
    std::unique_lock lock(mutex_);
    const auto find = [&] {
      if (own(worker).queue.device == Device::cuda) return std::find(free_.begin(), free_.end(), &own(worker));
      return free_.empty() ? free_.end() : free_.end() - 1;  // last used: its memory may still be in the cache
    };
    freed_.wait(lock, [&] { return find() != free_.end(); });
    context = *find();
    free_.erase(find());
  }
  const auto put_back = [&] {
    const std::lock_guard lock(mutex_);
    free_.push_back(context);
    freed_.notify_all();
  };
  try {
    use(*context);
  } catch (...) {
    put_back();
    throw;
  }
  put_back();
}

}  // namespace skein
