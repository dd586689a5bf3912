// The CUDA back end of a build without one: every function of every contract is here and says so. It is never reached
// through the command line, which asks cuda::available() first.
#include "base/check.h"
#include "kernels/all_sum.h"
#include "kernels/augment.h"
#include "kernels/average_pool.h"
#include "kernels/batch_norm.h"
#include "kernels/cast.h"
#include "kernels/conv_inference.h"
#include "kernels/conv_plan.h"
#include "kernels/cross_entropy.h"
#include "kernels/cuda/conv_narrow.h"
#include "kernels/cuda/linear_bias.h"
#include "kernels/dense_block.h"
#include "kernels/device_info.h"
#include "kernels/device_timer.h"
#include "kernels/downsample.h"
#include "kernels/dropout.h"
#include "kernels/emulated.h"
#include "kernels/gather.h"
#include "kernels/gaussian_noise.h"
#include "kernels/global_average_pool.h"
#include "kernels/lars.h"
#include "kernels/linear.h"
#include "kernels/max_pool.h"
#include "kernels/peak.h"
#include "kernels/runtime.h"
#include "kernels/sgd_step.h"
#include "kernels/sign.h"
#include "kernels/timing.h"
#include "kernels/vector.h"

namespace skein::cuda {
namespace {
[[noreturn]] void absent() { throw BadInput("this skein was built without the CUDA back end; use --device cpu"); }
}  // namespace

bool available() { return false; }
bool emulated() { return false; }
std::string absent_reason() {
  return "this skein was built without the CUDA back end. Build it where nvcc is installed";
}
std::vector<DeviceInfo> devices() { return {}; }
int current_device() { absent(); }
void use_device(int) { absent(); }
std::string describe_device(int) { absent(); }
size_t memory_in_use() { absent(); }
size_t l2_bytes() { absent(); }
void* allocate(size_t) { absent(); }
void release(void*) {}
void* allocate_pinned(size_t) { absent(); }
void release_pinned(void*) {}
void copy(Stream, View, View) { absent(); }
void copy_to_host(Stream, View, void*) { absent(); }
void copy_from_host(Stream, const void*, View) { absent(); }
void copy_to_host_async(Stream, View, void*) { absent(); }
void copy_from_host_async(Stream, const void*, View) { absent(); }
void zero(Stream, View) { absent(); }
void synchronize(Stream) { absent(); }
int64_t allocations() { return 0; }
int64_t synchronizations() { return 0; }
Stream create_stream() { absent(); }
void destroy_stream(Stream) {}
void* workspace(Stream, size_t) { absent(); }
Event create_event() { absent(); }
Event create_timing_event() { absent(); }
void destroy_event(Event) {}
void record(Event, Stream) { absent(); }
void wait(Stream, Event) { absent(); }
void synchronize_event(Event) { absent(); }
bool passed(Event) { absent(); }
double seconds_between(Event, Event) { absent(); }
bool on_device(const void*) { return false; }
void begin_capture(Stream) { absent(); }
Graph end_capture(Stream) { absent(); }
void cancel_capture(Stream) {}
void launch_graph(Graph, Stream) { absent(); }
void destroy_graph(Graph) {}

DeviceTimer::DeviceTimer(Stream) { absent(); }
DeviceTimer::~DeviceTimer() = default;
double DeviceTimer::seconds(const std::function<void()>&) { absent(); }
double measure_copy_gbs(Stream) { absent(); }

struct ConvPlanner::Device {};
ConvPlanner::ConvPlanner(const std::string&) {
  throw BadInput(
      "this skein was built without the CUDA back end, which plans convolutions. Build it where nvcc is installed");
}
ConvPlanner::~ConvPlanner() = default;
ConvPlanInfo ConvPlanner::plan(const ConvProblem&, const ConvOptions&) const { absent(); }
std::string ConvPlanner::cudnn_version() const { absent(); }
bool ConvPlanner::compiles() const { absent(); }
std::string device_description() { absent(); }

void add(Stream, View, View, View) { absent(); }
void augment(Stream, View, View, const Augmentation&, uint64_t, uint32_t, View) { absent(); }
void axpy(Stream, float, View, View) { absent(); }
void average_pool_backward(Stream, View, View) { absent(); }
void average_pool_forward(Stream, View, View) { absent(); }
void batch_norm_backward(Stream, View, View, View, View, bool, BatchNormStats, View, View, View, View, View) {
  absent();
}
void batch_norm_forward(Stream, View, View, View, View, bool, float, BatchNormRunning, View, BatchNormStats) {
  absent();
}
void batch_norm_inference(Stream, View, View, View, View, bool, float, BatchNormRunning, View) { absent(); }
void bias_add(Stream, View, View) { absent(); }
void cast(Stream, View, View) { absent(); }
void column_sum(Stream, View, View) { absent(); }
void conv_backward_data(Stream, View, View, ConvGeometry, View) { absent(); }
void conv_backward_weights(Stream, View, View, ConvGeometry, View) { absent(); }
std::vector<ConvChoice> conv_choices() { return {}; }
void set_conv_choices(const std::vector<ConvChoice>&) {}
void conv_bias_relu(Stream, View, View, View, ConvGeometry, View) { absent(); }
void conv_forward(Stream, View, View, ConvGeometry, View) { absent(); }
void conv_narrow(Stream, const ConvProblem&, View, View, View) { absent(); }
void cross_entropy(Stream, View, View, View, View, View) { absent(); }
void dense_append(Stream, View, int64_t, View, DenseStats) { absent(); }
void dense_append_backward(Stream, View, DenseStats, View, DenseSums, int64_t, View) { absent(); }
void dense_norm(Stream, View, DenseStats, View, View, float, BatchNormRunning, View) { absent(); }
void dense_norm_backward(Stream, View, DenseStats, View, View, float, View, bool, View, DenseSums, View, View) {
  absent();
}
void downsample_backward(Stream, View, int64_t, View) { absent(); }
void downsample_forward(Stream, View, int64_t, View) { absent(); }
void dropout(Stream, View, float, DropoutStream, uint32_t, View) { absent(); }
void fill(Stream, float, View) { absent(); }
void gather(Stream, View, View, View) { absent(); }
void gaussian_noise(Stream, float, NoiseStream, int64_t, View) { absent(); }
void global_average_pool_backward(Stream, View, View) { absent(); }
void global_average_pool_forward(Stream, View, View) { absent(); }
void lars_scale(Stream, View, LarsHyper, View) { absent(); }
void linear_backward_weights(Stream, View, View, View, View) { absent(); }
void linear_backward_data(Stream, View, View, View) { absent(); }
void linear_forward(Stream, View, View, View, View) { absent(); }
void max_pool_backward(Stream, View, View, View) { absent(); }
void max_pool_forward(Stream, View, View, View) { absent(); }
void mean_bf16(Stream, float, View, View) { absent(); }
void relu_backward(Stream, View, View, View) { absent(); }
void relu_forward(Stream, View, View) { absent(); }
void scale(Stream, float, View) { absent(); }
void sgd_step(Stream, View, View, View, View, const float*, SgdHyper, int64_t) { absent(); }
void sign_count(Stream, SignMessages, View) { absent(); }
void sign_count_mean(Stream, SignLayout, SignMessages, View, int64_t, View) { absent(); }
void sign_mean(Stream, SignLayout, SignMessages, int64_t, View) { absent(); }
void sign_pack(Stream, SignLayout, View, View, View, View) { absent(); }
void sign_scales(Stream, SignLayout, View, View, View, View, View) { absent(); }
void sub(Stream, View, View, View) { absent(); }
void sum_to_all(Stream, std::span<const View>, int64_t, int64_t, float) { absent(); }
void sum_to_one(Stream, std::span<const View>, float, View) { absent(); }

}  // namespace skein::cuda
