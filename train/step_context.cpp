#include "train/step_context.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/trace.h"
#include "kernels/device/peers.h"

namespace skein {
namespace {

int64_t nanoseconds(double seconds) { return int64_t(seconds * 1e9); }

// The kernels as spans of a stream or, without one, of the threads that called them. On a stream they are within spans
// of the passes that they belong to.
void add_to_trace(const std::vector<KernelSpan>& kernels, int64_t start, std::optional<int32_t> stream) {
  static constexpr const char* kPasses[] = {"forward", "backward", "step"};
  const auto span = [&](const char* name, const KernelSpan& first, const KernelSpan& last) {
    trace::Event e;
    e.track = stream.value_or(first.track);
    e.name = name;
    e.begin = start + nanoseconds(first.begin);
    e.end = start + nanoseconds(last.end);
    return e;
  };
  for (const KernelSpan& k : kernels) {
    trace::Event e = span(k.kernel, k, k);
    e.pass = k.training ? kPasses[size_t(k.pass)] : "evaluation";
    e.layer = k.layer, e.bytes = k.cost.all_bytes(), e.flops = k.cost.flops;
    trace::add(e);
  }
  for (size_t begin = 0, end = 0; stream && begin < kernels.size(); begin = end) {
    const auto name = [&](size_t i) { return kernels[i].training ? kPasses[size_t(kernels[i].pass)] : "evaluation"; };
    while (end < kernels.size() && name(end) == name(begin)) ++end;
    trace::add(span(name(begin), kernels[begin], kernels[end - 1]));
  }
}

}  // namespace

StepContext::StepContext(Device device, bool recompute, const LayerNames* layers)
    : queue{device, device == Device::cuda ? cuda::create_stream() : nullptr},
      gpu(device == Device::cuda ? cuda::current_device() : -1),
      arena(device),
      kernels(layers ? std::make_unique<KernelSpans>(*layers) : nullptr),
      tape({queue.device, queue.stream, kernels ? kernels->observer() : nullptr}, arena) {
  tape.recompute = recompute;
  if (kernels) kernels->follow(tape);
}

StepContext::~StepContext() { cuda::destroy_stream(queue.stream); }

StepContextPool::StepContextPool(Layout layout, Device device, bool recompute) : layout_(std::move(layout)) {
  const auto gpus = std::max<int64_t>(1, std::ssize(layout_.gpus));
  for (int64_t i = 0; i < gpus * layout_.lanes; ++i) {
    const cuda::DeviceScope gpu(layout_.gpus.empty() ? -1 : layout_.gpus[size_t(i / layout_.lanes)]);
    contexts_.push_back(std::make_unique<StepContext>(device, recompute, trace::prepared() ? &layers_ : nullptr));
    free_.push_back(contexts_.back().get());
  }
}

StepContext& StepContextPool::own(int64_t worker) const {
  const auto gpus = std::max<int64_t>(1, std::ssize(layout_.gpus));
  const int64_t each = layout_.workers / gpus, i = worker - layout_.first_rank;
  return *contexts_[size_t(i / each * layout_.lanes + i % each % layout_.lanes)];
}

void StepContextPool::synchronize() const {
  for (const auto& context : contexts_) context->queue.run(kernel::synchronize);
}

void StepContextPool::name_layers(const ParameterStore& parameters) {
  if (first().kernels) layers_.add(parameters);
}

void StepContextPool::start_kernel_spans() {
  synchronize();  // so that the first event of a stream is at the host's time
  for (const auto& context : contexts_) {
    const cuda::DeviceScope gpu(context->gpu);  // of its events
    context->kernels->restart();
  }
}

int64_t StepContextPool::record_kernel_spans(int64_t rank) {
  int64_t dropped = 0;
  for (size_t i = 0; i < contexts_.size(); ++i) {
    KernelSpans& kernels = *contexts_[i]->kernels;
    std::optional<int32_t> stream;
    if (contexts_[i]->queue.device == Device::cuda) stream = trace::add_track(rank, fmt::format("GPU stream {}", i));
    const auto since_epoch = std::chrono::duration_cast<std::chrono::nanoseconds>(kernels.start().time_since_epoch());
    add_to_trace(kernels.collect(), since_epoch.count(), stream);
    dropped += kernels.dropped();
    kernels.stop();
  }
  return dropped;
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
