// Convolutions of the CUDA back end (kernels/conv.h). Activations (N,H,W,C) and weights (out,k,k,in) are cuDNN's
// channels-last tensors without a copy. The first call with a shape chooses a plan, which takes milliseconds; later
// calls only look it up.
#include <cuda_runtime_api.h>

#include <array>
#include <map>
#include <mutex>

#include "kernels/cast.h"
#include "kernels/cuda/conv/narrow.h"
#include "kernels/cuda/cudnn/autotune.h"
#include "kernels/cuda/cudnn/plan_cache.h"
#include "kernels/cuda/dialect/cuda_check.h"
#include "kernels/cuda/dialect/workspace_lock.h"
#include "kernels/device/runtime.h"

namespace skein::cuda {
namespace {

// Version of the cached plans. Increase it when graphs are built differently: plans on disk belong to the old graphs.
constexpr int kCacheFormat = 3;
constexpr size_t kMeasured = 12;  // engines timed per route

struct SharedCache {
  std::mutex mutex;  // also held while a plan is chosen, so that threads with the same shape get the same plan
  PlanCache plans{plan_cache_folder()};
};

SharedCache& shared_cache() {
  static auto* cache = new SharedCache;
  return *cache;
}

std::string key_of(const std::string& device, const ConvProblem& p, const ConvOptions& o) {
  return fmt::format("format {} | cudnn {} | {} | {} | deterministic {} tf32 {} measured {} workspace {} compiler {}",
                     kCacheFormat, cudnn().get_version(), device, name_of(p), o.deterministic, o.tf32, o.measured,
                     o.workspace, run_time_compilation());
}

size_t scratch_of(const ConvProblem& p, bool cast) {
  return cast ? size_t(p.out * p.kernel * p.kernel * p.c) * size_of(DType::bf16) : 0;
}

// cuDNN handle and plans of one thread on one GPU.
class Context {
 public:
  explicit Context(int device) {
    const DeviceInfo info = devices().at(size_t(device));
    target_.name = info.name;
    compute_major_ = info.major;
    device_ = fmt::format("{} {}.{} with {}", info.name, info.major, info.minor, info.multiprocessors);
    CUDNN_CHECK(cudnn().create(&target_.handle));
  }
  ~Context() {
    plans_.clear();
    cudnn().destroy(target_.handle);
  }
  Context(const Context&) = delete;

  cudnnHandle_t on(Stream stream) {
    CUDNN_CHECK(cudnn().set_stream(target_.handle, stream));
    return target_.handle;
  }
  const Target& target() const { return target_; }

  const ConvPlan* find(const ConvProblem& p, const ConvOptions& options) const {
    const auto known = plans_.find({p, options});
    return known == plans_.end() ? nullptr : &known->second;
  }
  // `run` executes a plan with the call's operands, for the measured choice.
  const ConvPlan* add(const ConvProblem& p, const ConvOptions& options, Stream stream, const RunPlan& run) {
    return &plans_.emplace(std::pair(p, options), choose(p, options, stream, run)).first->second;
  }

 private:
  ConvPlan choose(const ConvProblem& p, const ConvOptions& options, Stream stream, const RunPlan& run) {
    const std::string key = key_of(device_, p, options);
    const std::lock_guard lock(shared_cache().mutex);
    PlanCache& cache = shared_cache().plans;
    const std::optional<CachedPlan> cached = cache.find(key);
    if (cached && cached->json.empty() && conv_narrow_suits(p, compute_major_)) return {};
    if (cached && !cached->json.empty()) {
      ConvPlan plan{read_plan(cached->json, target_), 0, scratch_of(p, cached->cast), {}};
      if (plan.plan.raw()) {
        plan.workspace = workspace_of(plan.plan);
        return plan;
      }
      cache.forget(key);
    }
    std::vector<ConvPlan> plans = conv_plans(target_, p, options, options.measured ? kMeasured : 1);
    if (options.measured && conv_narrow_suits(p, compute_major_)) plans.emplace_back();
    ConvPlan plan = std::move(plans[options.measured ? fastest_plan(plans, stream, run) : 0]);
    cache.store(key, {plan.is_own_kernel() ? "" : plan.plan.json(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION),
                      plan.info.cast});
    return plan;
  }

  Target target_;
  std::string device_;
  int compute_major_ = 0;
  std::map<std::pair<ConvProblem, ConvOptions>, ConvPlan> plans_;
};

Context& context() {
  thread_local std::map<int, std::unique_ptr<Context>> all;
  int device = 0;
  CUDA_CHECK(cudaGetDevice(&device));
  std::unique_ptr<Context>& context = all[device];
  if (!context) context = std::make_unique<Context>(device);
  return *context;
}

struct Operands {
  View x, w, y;
};

// One workspace request serves both: cuDNN's workspace first, then the bf16 weight gradient.
void run_plan(const ConvPlan& plan, const ConvProblem& p, cudnnHandle_t handle, Stream stream, const Operands& o) {
  if (plan.is_own_kernel()) return conv_narrow(stream, p, o.x, o.w, o.y);
  const auto held = hold_workspace(stream);
  const size_t begin = (plan.workspace + 255) / 256 * 256, bytes = begin + plan.scratch;
  char* const block = bytes > 0 ? static_cast<char*>(workspace(stream, bytes)) : nullptr;
  View w = o.w;
  if (plan.scratch > 0) {
    w.data = block + begin;
    w.dtype = DType::bf16;
  }
  execute(handle, plan.plan, {{kX, o.x.data}, {kW, w.data}, {kY, o.y.data}}, block);
  if (plan.scratch > 0) cast(stream, w, o.w);
}

void convolve(Stream stream, ConvPass pass, ConvGeometry g, const Operands& o) {
  const ConvProblem problem = conv_problem(pass, o.x, o.w, g, o.y);
  Context& c = context();
  const cudnnHandle_t handle = c.on(stream);
  const ConvOptions options = conv_options();
  const ConvPlan* plan = c.find(problem, options);
  if (!plan)
    plan = c.add(problem, options, stream, [&](const ConvPlan& tried) { run_plan(tried, problem, handle, stream, o); });
  run_plan(*plan, problem, handle, stream, o);
}

}  // namespace

void conv_forward(Stream stream, View x, View w, ConvGeometry g, View y) {
  convolve(stream, ConvPass::forward, g, {x, w, y});
}

void conv_backward_data(Stream stream, View dy, View w, ConvGeometry g, View dx) {
  convolve(stream, ConvPass::backward_data, g, {dx, w, dy});
}

void conv_backward_weights(Stream stream, View x, View dy, ConvGeometry g, View dw) {
  convolve(stream, ConvPass::backward_weights, g, {x, dw, dy});
}

std::vector<ConvChoice> conv_choices() {
  const std::lock_guard lock(shared_cache().mutex);
  std::vector<ConvChoice> made;
  for (const auto& [key, plan] : shared_cache().plans.in_memory()) made.push_back({key, PlanCache::text_of(key, plan)});
  return made;
}

void set_conv_choices(const std::vector<ConvChoice>& made) {
  const std::lock_guard lock(shared_cache().mutex);
  for (const auto& [key, text] : made) shared_cache().plans.keep_text(key, text);
}

std::string device_description() { return device_json(context().target().handle); }

}  // namespace skein::cuda
