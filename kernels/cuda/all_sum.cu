// A thread sums four elements of all K views, in list order, and writes them to all targets. More than kViews views
// take several launches, with the sum so far in the workspace. Bytes per element: sum_to_all 8K, sum_to_one 4(K+1).
#include "kernels/all_sum.h"
#include "kernels/cuda/dialect/elementwise.h"
#include "kernels/cuda/dialect/workspace_lock.h"
#include "kernels/device/runtime.h"

namespace skein::cuda {
namespace {

constexpr int kViews = 64;  // views per launch: their addresses are kernel arguments

struct Addresses {
  float* p[kViews];
  int count = 0;
};

struct Sum {
  static constexpr int kWidth = 4, kUnroll = 1;
  Addresses from, to;
  float scale;

  template <class F>
  void for_each_pointer(F f) const {  // for the emulator: they may be in the memory of several GPUs
    for (const Addresses& a : {from, to}) std::for_each_n(a.p, a.count, f);
  }

  template <int N>
  __device__ Sums<N> load(int64_t i) const {
    return sum_parts<N>(from.count, [&](int view) { return cuda::load<N>(from.p[view] + i); });
  }
  template <int N>
  __device__ void finish(int64_t i, const Sums<N>& sums) const {
    float out[N];
#pragma unroll
    for (int k = 0; k < N; ++k) out[k] = scale * sums.v[k];
    for (int view = 0; view < to.count; ++view) store(to.p[view] + i, out);
  }
};

// Removes up to `most` views from the front of the list and returns their addresses, `begin` elements in.
Addresses take(std::span<const View>& views, int64_t begin, int64_t most) {
  Addresses a;
  for (; a.count < most && !views.empty(); views = views.subspan(1)) a.p[a.count++] = views[0].as<float>() + begin;
  return a;
}

void launch_sum(Stream stream, const Addresses& from, const Addresses& to, float scale, int64_t n) {
  Split s = split<Sum::kWidth>(n, from.p[0]);
  const auto aligned = [&](const Addresses& a) {
    return std::all_of(a.p, a.p + a.count, [&](const float* p) { return is_aligned(p + s.head, 16); });
  };
  if (!aligned(from) || !aligned(to)) s = {n, 0, n};
  elementwise(stream, Sum{from, to, scale}, s);
}

// to[begin, begin + n) = scale * the sum of from[begin, begin + n).
void sum(Stream stream, std::span<const View> from, std::span<const View> to, float scale, int64_t begin, int64_t n) {
  const auto held = hold_workspace(stream);
  Addresses part = take(from, begin, kViews);
  if (!from.empty()) {
    const Addresses so_far{{static_cast<float*>(workspace(stream, size_t(n) * sizeof(float)))}, 1};
    while (!from.empty()) {
      launch_sum(stream, part, so_far, 1.0f, n);
      const Addresses more = take(from, begin, kViews - 1);
      part = so_far;
      std::copy_n(more.p, more.count, part.p + 1);
      part.count += more.count;
    }
  }
  const Addresses targets = take(to, begin, kViews);
  launch_sum(stream, part, targets, scale, n);
  const Addresses done{{targets.p[0]}, 1};
  while (!to.empty()) launch_sum(stream, done, take(to, begin, kViews), 1.0f, n);
}

void check(std::span<const View> views, int64_t n) {
  CHECK(!views.empty(), "a sum of no views");
  for (const View& v : views)
    CHECK(v.dtype == DType::f32 && v.numel() == n, "views of {} and {} elements", n, v.numel());
}

}  // namespace

void sum_to_all(Stream stream, std::span<const View> all, int64_t begin, int64_t end, float scale) {
  const int64_t n = all.empty() ? 0 : all[0].numel();
  check(all, n);
  CHECK(0 <= begin && begin <= end && end <= n, "[{}, {}) of {} views", begin, end, all.size());
  sum(stream, all, all, scale, begin, end - begin);
}

void sum_to_one(Stream stream, std::span<const View> all, float scale, View to) {
  check(all, to.numel());
  sum(stream, all, {&to, 1}, scale, 0, to.numel());
}

}  // namespace skein::cuda
