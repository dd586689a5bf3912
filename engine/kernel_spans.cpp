#include "engine/kernel_spans.h"

#include "base/check.h"
#include "base/nvtx.h"
#include "base/trace.h"
#include "kernels/device/timing.h"

namespace skein {
namespace {

// Bounds of memory: a span takes about 100 bytes, and on a GPU two events of the driver.
constexpr size_t kMostSpans = 200'000, kMostSpansOnGpu = 16'384;

constexpr const char kInput[] = "input", kOptimizer[] = "optimizer";  // where there is no layer

struct NvtxRange {
  explicit NvtxRange(const char* name) : on(trace::has(trace::kNvtx)) {
    if (on) nvtx::push(name);
  }
  ~NvtxRange() {
    if (on) nvtx::pop();
  }
  const bool on;
};

}  // namespace

KernelSpans::~KernelSpans() {
  for (cuda::Event e : events_) cuda::destroy_event(e);
}

void KernelSpans::follow(const Tape& tape) {
  tape_ = &tape;
  stop();
}

void KernelSpans::restart() {
  CHECK(tape_, "restart() without a tape");
  spans_.clear();
  dropped_ = 0;
  timed_ = true;
  observer_ = [this](const KernelCall& call, const auto& run) { observe(call, run); };
  start_ = Clock::now();
  if (tape_->queue.device == Device::cuda) record_event(0);
}

void KernelSpans::stop() {
  timed_ = false;
  observer_ = nullptr;
  if (trace::has(trace::kNvtx)) observer_ = [this](const KernelCall& call, const auto& run) { observe(call, run); };
}

void KernelSpans::record_event(size_t index) {
  while (events_.size() <= index) events_.push_back(cuda::create_timing_event());
  cuda::record(events_[index], tape_->queue.stream);
}

void KernelSpans::observe(const KernelCall& call, const std::function<void()>& run) {
  const NvtxRange range(call.name);
  if (!timed_) return run();
  const bool gpu = tape_->queue.device == Device::cuda;
  KernelSpan span{call.name, layer_of(call), tape_->pass(), tape_->training, call.cost, trace::thread_track()};
  if (spans_.size() == (gpu ? kMostSpansOnGpu : kMostSpans)) {
    ++dropped_;
    return run();
  }
  if (gpu) {
    const size_t first = 1 + 2 * spans_.size();
    record_event(first);
    run();
    record_event(first + 1);
  } else {
    span.begin = seconds_since(start_);
    run();
    span.end = seconds_since(start_);
  }
  spans_.push_back(span);
}

std::string_view KernelSpans::layer_of(const KernelCall& call) {
  if (tape_->pass() == Pass::update) return *layers_.insert(kOptimizer).first;
  const LayerNames::Parameter* parameter = nullptr;
  for (const View& operand : call.operands)
    if (!parameter) parameter = names_.find(operand);
  if (tape_->pass() == Pass::forward || tape_->recomputing()) {
    if (tape_->recorded() == 0 && !tape_->recomputing()) last_layer_ = kInput;
    if (parameter) last_layer_ = parameter->layer;
    layer_of_step_[tape_->recorded()] = last_layer_;
  }
  if (parameter) return *layers_.insert(parameter->layer).first;
  const auto next = layer_of_step_.upper_bound(tape_->recorded());
  const std::string before = next == layer_of_step_.begin() ? kInput : std::prev(next)->second;
  return *layers_.insert(before + "/" + op_label(call)).first;
}

std::vector<KernelSpan> KernelSpans::collect() {
  if (tape_->queue.device == Device::cpu) return spans_;
  cuda::synchronize(tape_->queue.stream);
  for (size_t i = 0; i < spans_.size(); ++i) {
    const cuda::Event begin = events_[1 + 2 * i], end = events_[2 + 2 * i];
    spans_[i].begin = cuda::seconds_between(events_[0], begin);
    spans_[i].end = spans_[i].begin + cuda::seconds_between(begin, end);
  }
  return spans_;
}

}  // namespace skein
