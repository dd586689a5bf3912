// A warp handles a row: largest logit, sum of the exponentials, rank of the label, gradient. Then one block adds the
// rows. Bytes per logit: 8, read once from memory (then from the cache) and written once.
#include "kernels/cross_entropy.h"
#include "kernels/cuda/dialect/gpu.h"
#include "kernels/cuda/dialect/workspace_lock.h"
#include "kernels/device/runtime.h"

namespace skein::cuda {
namespace {

constexpr int kRows = 4;  // rows per block: few, so that a batch spreads over all SMs

// The targets of a batch; without mixing, second and weight are null.
struct Targets {
  const int32_t *labels, *second;
  const float* weight;
  float smoothing;
};

// kSoft: with smoothing or second labels. ranks[r]: number of classes that rank above the counted label; `classes` if
// the row has a NaN.
template <bool kSoft>
__global__ void __launch_bounds__(kRows* kWarp)
    row_kernel(const float* logits, Targets t, int rows, int classes, float* losses, int32_t* ranks, float* dlogits) {
  const int row = int(blockIdx.x) * kRows + int(threadIdx.x) / kWarp, lane = int(threadIdx.x) % kWarp;
  if (row >= rows) return;  // the whole warp
  const float* l = logits + int64_t{row} * classes;
  const int label = t.labels[row], second = kSoft && t.second ? t.second[row] : label;
  const float weight = kSoft && t.weight ? t.weight[row] : 1.0f;
  const bool valid = label >= 0 && label < classes && second >= 0 && second < classes;
  const float own = valid ? l[label] : kNaN, other = valid ? l[second] : kNaN;  // out of range: the loss becomes NaN
  const int counted = weight >= 0.5f ? label : second;
  const float counted_logit = weight >= 0.5f ? own : other;
  float top = -kInfinity;
  int above = 0;
  bool nan = !valid;
  for (int c = lane; c < classes; c += kWarp) {
    const float v = l[c];
    top = fmaxf(top, v);
    above += v > counted_logit || (v == counted_logit && c < counted);
    nan = nan || v != v;
  }
  for (int lanes = kWarp / 2; lanes > 0; lanes /= 2) {
    top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, lanes));
    above += __shfl_xor_sync(0xffffffffu, above, lanes);
  }
  nan = __ballot_sync(0xffffffffu, nan) != 0;
  float sum = 0.0f, all = 0.0f;
  for (int c = lane; c < classes; c += kWarp) sum += expf(l[c] - top);
  sum = warp_sum(sum);
  const float kept = kSoft ? 1.0f - t.smoothing : 1.0f, every = kSoft ? t.smoothing / float(classes) : 0.0f;
  const float first = kept * weight, rest = kept * (1.0f - weight);
  if (every > 0.0f) {
    for (int c = lane; c < classes; c += kWarp) all += l[c] - top;
    all = warp_sum(all);
  }
  if (lane == 0) {
    float chosen = first * (own - top);
    if (rest > 0.0f) chosen += rest * (other - top);
    if (every > 0.0f) chosen += every * all;
    losses[row] = logf(sum) - chosen;
    ranks[row] = nan ? classes : above;
  }
  if (!dlogits) return;
  float* d = dlogits + int64_t{row} * classes;
  const float scale = 1.0f / float(rows);
  for (int c = lane; c < classes; c += kWarp) {
    const float target = (c == label ? first : 0.0f) + (c == second ? rest : 0.0f) + every;
    d[c] = (expf(l[c] - top) / sum - target) * scale;
  }
}

__global__ void __launch_bounds__(kBlock)
    total_kernel(const float* losses, const int32_t* ranks, int rows, int classes, float* loss, int32_t* correct) {
  float sum = 0.0f, top1 = 0.0f, top5 = 0.0f;  // counts below 2^24 are exact
  for (int r = int(threadIdx.x); r < rows; r += kBlock) {
    sum += losses[r];
    top1 += ranks[r] < 1 ? 1.0f : 0.0f;
    top5 += ranks[r] < 5 && ranks[r] < classes ? 1.0f : 0.0f;
  }
  sum = block_sum(sum), top1 = block_sum(top1), top5 = block_sum(top5);
  if (threadIdx.x > 0) return;
  *loss = sum / float(rows);
  correct[0] = int32_t(top1), correct[1] = int32_t(top5);
}

}  // namespace

void cross_entropy(Stream stream, View logits, View labels, View second, View weight, float smoothing, View loss,
                   View correct, View dlogits) {
  const int64_t rows = logits.rows(), classes = logits.channels();
  CHECK(labels.numel() == rows && labels.dtype == DType::i32, "{} labels for {} rows", labels.numel(), rows);
  CHECK(bool(second) == bool(weight), "second labels and weights go together");
  CHECK(!second || (second.numel() == rows && second.dtype == DType::i32 && weight.numel() == rows),
        "{} second labels and {} weights for {} rows", second.numel(), weight.numel(), rows);
  CHECK(logits.dtype == DType::f32 && loss.dtype == DType::f32, "logits and loss are f32");
  CHECK(!dlogits || (dlogits.dtype == DType::f32 && dlogits.numel() == logits.numel()), "dlogits are as the logits");
  CHECK(rows < (1 << 24) && classes < (1 << 24), "{} rows of {} classes", rows, classes);
  const auto held = hold_workspace(stream);
  float* losses = static_cast<float*>(workspace(stream, size_t(rows) * (sizeof(float) + sizeof(int32_t))));
  int32_t* ranks = reinterpret_cast<int32_t*>(losses + rows);
  const Targets targets{labels.as<int32_t>(), second.as<int32_t>(), weight.as<float>(), smoothing};
  const auto kernel = second || smoothing > 0 ? row_kernel<true> : row_kernel<false>;
  launch(kernel, ceil_div(rows, kRows), kRows * kWarp, stream, logits.as<float>(), targets, int(rows), int(classes),
         losses, ranks, dlogits.as<float>());
  launch(total_kernel, 1, kBlock, stream, losses, ranks, int(rows), int(classes), loss.as<float>(),
         correct.as<int32_t>());
}

}  // namespace skein::cuda
