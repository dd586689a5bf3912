#include "kernels/cross_entropy.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace skein::cpu {
namespace {

// Loss log(sum(exp(l))) - l[label] of one row; with dl also its gradient, times `scale`.
double row_loss(const float* l, int64_t classes, int32_t label, float scale, float* dl) {
  const float top = *std::max_element(l, l + classes);
  double sum = 0;
  for (int64_t c = 0; c < classes; ++c) sum += std::exp(double(l[c] - top));
  if (dl)
    for (int64_t c = 0; c < classes; ++c) dl[c] = float(std::exp(double(l[c] - top)) / sum - (c == label)) * scale;
  return std::log(sum) - double(l[label] - top);
}

// Number of classes that rank above the label; `classes` if the row has a NaN.
int64_t rank_of(const float* l, int64_t classes, int32_t label) {
  int64_t above = 0;
  for (int64_t c = 0; c < classes; ++c) {
    if (std::isnan(l[c])) return classes;
    above += l[c] > l[label] || (l[c] == l[label] && c < label);
  }
  return above;
}

}  // namespace

// One thread, so that the sum has a fixed order. Rows are few and short.
void cross_entropy(Stream, View logits, View labels, View loss, View correct, View dlogits) {
  const int64_t rows = logits.rows(), classes = logits.channels();
  CHECK(labels.numel() == rows && labels.dtype == DType::i32, "{} labels for {} rows", labels.numel(), rows);
  double total = 0;
  int32_t top1 = 0, top5 = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const float* l = logits.as<float>() + r * classes;
    const int32_t label = labels.as<int32_t>()[r];
    CHECK(label >= 0 && label < classes, "label {} of row {} with {} classes", label, r, classes);
    total += row_loss(l, classes, label, 1.0f / float(rows), dlogits ? dlogits.as<float>() + r * classes : nullptr);
    const int64_t rank = rank_of(l, classes, label);
    top1 += rank < 1;
    top5 += rank < 5 && rank < classes;
  }
  *loss.as<float>() = float(total / double(rows));
  correct.as<int32_t>()[0] = top1;
  correct.as<int32_t>()[1] = top5;
}

}  // namespace skein::cpu
