#include "kernels/cuda/cudnn/conv_plans.h"

#include <algorithm>
#include <set>

namespace skein::cuda {
namespace {

constexpr int64_t kSum = 5;      // uid of the virtual tensor of a fused plan
constexpr size_t kCompiled = 1;  // fused plans at most: each is compiled for half a second

// The weight gradient of bf16 operands in f32: no engine writes it directly. It is made in bf16 and cast, or, where the
// time is measured, by an engine that cuDNN compiles with a copy after the convolution.
enum class Route { direct, cast, fused };

std::vector<Route> routes(const ConvProblem& p) {
  if (p.pass != ConvPass::backward_weights || p.dtype != DType::bf16) return {Route::direct};
  // With 12 channels cuDNN's fused engines give wrong numbers on an H100 without a word, with odd ones they do not
  // compile.
  if (run_time_compilation() && p.c % 8 == 0 && p.out % 8 == 0) return {Route::cast, Route::fused};
  return {Route::cast};
}

OperationGraph make_graph(const ConvProblem& p, Route route) {
  const ConvGeometry g{p.stride, p.padding};
  const int64_t oh = p.out_h(), ow = p.out_w();
  const TensorSpec x = channels_last(kX, p.dtype, p.n, p.c, p.h, p.w);
  const TensorSpec w = channels_last(kW, p.dtype, p.out, p.c, p.kernel, p.kernel);
  const TensorSpec y = channels_last(kY, p.dtype, p.n, p.out, oh, ow);
  OperationGraph graph;
  if (route == Route::fused) {
    TensorSpec sum = channels_last(kSum, DType::f32, p.out, p.c, p.kernel, p.kernel), dw = sum;
    sum.is_virtual = true;
    dw.uid = kW;
    graph.convolution(p.pass, x, sum, y, g);
    graph.pointwise(CUDNN_POINTWISE_IDENTITY, sum, dw);
  } else {
    graph.convolution(p.pass, x, w, y, g);
  }
  return graph;
}

// Why candidates fell, for the message when none is left.
struct Refusals {
  int offered = 0, nondeterministic = 0, rounded = 0, large = 0;
  std::string reason;
};

bool allowed(const Candidate& c, const ConvProblem& p, const ConvOptions& options, Refusals& refusals) {
  if (options.deterministic && c.has(CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC)) return ++refusals.nondeterministic, false;
  const bool reduced = c.has(CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION);
  // On f32 operands tensor cores multiply TF32.
  const bool tf32 = p.dtype == DType::f32 &&
                    (c.has(CUDNN_NUMERICAL_NOTE_TENSOR_CORE) || c.has(CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS));
  if (reduced || (tf32 && !options.tf32)) return ++refusals.rounded, false;
  return true;
}

ConvPlanInfo describe(const Candidate& c, size_t bytes) {
  ConvPlanInfo info;
  info.engine = c.engine;
  info.workspace = bytes;
  info.tensor_cores = c.has(CUDNN_NUMERICAL_NOTE_TENSOR_CORE);
  info.deterministic = !c.has(CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC);
  info.winograd = c.has(CUDNN_NUMERICAL_NOTE_WINOGRAD) || c.has(CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_4x4) ||
                  c.has(CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6) || c.has(CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13);
  info.run_time_compiled = c.has(CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION);
  return info;
}

// Appends at most so many plans of one graph.
void plan_route(const Target& target, const ConvProblem& p, Route route, const ConvOptions& options, size_t most,
                Refusals& refusals, std::vector<ConvPlan>& plans) {
  OperationGraph graph = make_graph(p, route);
  const Descriptor& finished = graph.finish(target);
  const size_t scratch = route == Route::cast ? size_t(p.out * p.kernel * p.kernel * p.c) * size_of(DType::bf16) : 0;
  const size_t first = plans.size();
  std::set<std::string> known;  // the heuristics' modes offer many an engine twice
  int left = 0;
  for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_B, CUDNN_HEUR_MODE_FALLBACK}) {
    for (const Candidate& candidate : candidates(finished, target, mode, refusals.reason)) {
      ++refusals.offered;
      if (!allowed(candidate, p, options, refusals)) continue;
      ++left;
      if (plans.size() - first == most) continue;  // counted only
      ConvPlan made{make_plan(candidate, target, refusals.reason), 0, scratch, {}};
      if (!made.plan.raw()) continue;
      made.workspace = workspace_of(made.plan);
      if (made.workspace + scratch > options.workspace) {
        ++refusals.large;
        continue;
      }
      if (most > 1 && !known.insert(made.plan.json(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION)).second) continue;
      made.info = describe(candidate, made.workspace + scratch);
      made.info.cast = route == Route::cast;
      plans.push_back(std::move(made));
    }
    if (plans.size() - first == most) break;
  }
  for (size_t i = first; i < plans.size(); ++i) plans[i].info.offered = refusals.offered, plans[i].info.allowed = left;
}

[[noreturn]] void refuse(const Target& target, const ConvProblem& p, const ConvOptions& options, const Refusals& r) {
  std::string why = r.offered == 0 ? "it offers none" : fmt::format("of {} engines offered", r.offered);
  if (r.nondeterministic) why += fmt::format(", {} are not deterministic", r.nondeterministic);
  if (r.rounded)
    why += fmt::format(", {} round more than {} allows", r.rounded, p.dtype == DType::f32 ? "f32" : "bf16");
  if (r.large) why += fmt::format(", {} need more than {} MB of workspace", r.large, options.workspace >> 20);
  if (!r.reason.empty()) why += fmt::format("; its reason: {}", r.reason);
  const bool no_bf16 = r.offered == 0 && p.dtype == DType::bf16;
  throw BadInput("cuDNN has no engine for the convolution {} on {}: {}. {}", name_of(p), target.name, why,
                 no_bf16 ? "Use f32 on this GPU" : "Allow more workspace, TF32 or engines that are not deterministic");
}

}  // namespace

std::vector<ConvPlan> conv_plans(const Target& target, const ConvProblem& p, const ConvOptions& options, size_t most) {
  std::vector<ConvPlan> plans;
  Refusals refusals;
  for (const Route route : routes(p)) {
    refusals.offered = 0;
    plan_route(target, p, route, options, route == Route::fused ? std::min(most, kCompiled) : most, refusals, plans);
    if (most == 1 && !plans.empty()) break;
  }
  if (plans.empty()) refuse(target, p, options, refusals);
  return plans;
}

struct ConvPlanner::Device {
  Descriptor description;
  std::string name;
};

ConvPlanner::ConvPlanner(const std::string& device_json) : device_(new Device{describe_device(device_json), ""}) {
  const std::string mark = "\"deviceName\":\"";
  const std::string json = device_->description.json(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION);
  if (const size_t begin = json.find(mark); begin != json.npos)
    device_->name = json.substr(begin + mark.size(), json.find('"', begin + mark.size()) - begin - mark.size());
}

ConvPlanner::~ConvPlanner() = default;

ConvPlanInfo ConvPlanner::plan(const ConvProblem& p, const ConvOptions& options) const {
  return conv_plans({nullptr, &device_->description, device_->name}, p, options, 1).front().info;
}

bool ConvPlanner::compiles() const { return run_time_compilation(); }

std::string ConvPlanner::cudnn_version() const {
  const size_t version = cudnn().get_version();
  return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

}  // namespace skein::cuda
