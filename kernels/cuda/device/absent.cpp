// The CUDA runtime of a build without the CUDA back end: every function throws BadInput, or answers that there is no
// GPU. Kernels have no stub: their objects hold null (kernels/kernel.h). The command line asks cuda::available() first.
#include "base/check.h"
#include "kernels/device/conv_plan.h"
#include "kernels/device/device_info.h"
#include "kernels/device/device_timer.h"
#include "kernels/device/emulated.h"
#include "kernels/device/peak.h"
#include "kernels/device/peers.h"
#include "kernels/device/timing.h"

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
DeviceScope::DeviceScope(int) {}
DeviceScope::~DeviceScope() = default;
int device_of(const void*) { return -1; }
bool can_reach(int, int) { absent(); }
bool reach_device(int) { absent(); }
void copy_between(Stream, View, View) { absent(); }
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

std::vector<ConvChoice> conv_choices() { return {}; }
void set_conv_choices(const std::vector<ConvChoice>&) {}

}  // namespace skein::cuda
