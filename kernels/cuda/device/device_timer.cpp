#include "kernels/device/device_timer.h"

#include <algorithm>

#include "kernels/cuda/dialect/cuda_check.h"
#include "kernels/device/device_info.h"
#include "kernels/device/peak.h"
#include "kernels/global_average_pool.h"

namespace skein::cuda {
namespace {

constexpr int kLongestLead = 128;
constexpr int64_t kSide = 16, kChannels = 64,
                  kImage = 64 << 10;  // images read to flush L2: sides, channels and bytes of one
constexpr int kCopies = 10;

View take(DType t, int64_t n, int64_t side, int64_t channels) {
  View view{nullptr, t, {n, side, side, channels}};
  view.data = allocate(view.bytes());
  return view;
}

Event timing_event() {
  cudaEvent_t event = nullptr;
  CUDA_CHECK(cudaEventCreateWithFlags(&event, cudaEventDefault));
  return event;
}

}  // namespace

DeviceTimer::DeviceTimer(Stream stream)
    : stream_(stream),
      images_(take(DType::f32, std::max<int64_t>(1, int64_t(4 * l2_bytes()) / kImage), kSide, kChannels)),
      means_(take(DType::f32, images_.dims[0], 1, kChannels)),
      begin_(timing_event()),
      end_(timing_event()) {
  zero(stream_, images_);
}

DeviceTimer::~DeviceTimer() {
  destroy_event(begin_);
  destroy_event(end_);
  release(images_.data);
  release(means_.data);
}

double DeviceTimer::seconds(const std::function<void()>& work) {
  for (;;) {
    for (int i = 0; i < lead_; ++i) global_average_pool_forward(stream_, images_, means_);
    record(begin_, stream_);
    work();
    record(end_, stream_);
    const bool ahead = !passed(begin_);
    synchronize(stream_);
    if (!ahead && lead_ < kLongestLead) {
      lead_ *= 2;
      continue;
    }
    ahead_ = ahead_ && ahead;
    float milliseconds = 0;
    CUDA_CHECK(cudaEventElapsedTime(&milliseconds, begin_, end_));
    return double(milliseconds) * 1e-3;
  }
}

double measure_copy_gbs(Stream stream) {
  const int64_t bytes = int64_t(8 * l2_bytes());
  const View from = take(DType::u8, 1, 1, bytes), to = take(DType::u8, 1, 1, bytes);
  zero(stream, from);
  DeviceTimer timer(stream);
  double fastest = 1e30;
  for (int i = 0; i < kCopies; ++i) fastest = std::min(fastest, timer.seconds([&] { copy(stream, from, to); }));
  release(from.data);
  release(to.data);
  return 2.0 * double(bytes) / fastest * 1e-9;
}

}  // namespace skein::cuda
