#include "kernels/cross_entropy.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace skein::cpu {
namespace {

// Target of one row: `first` at label, `rest` at second, and `every` at each class besides.
struct Target {
  int32_t label, second;
  double first, rest, every;
};

// Loss log(sum(exp(l))) - sum(t*l) of one row; with dl also its gradient, times `scale`.
double row_loss(const float* l, int64_t classes, const Target& t, float scale, float* dl) {
  const float top = *std::max_element(l, l + classes);
  double sum = 0, all = 0;
  for (int64_t c = 0; c < classes; ++c) sum += std::exp(double(l[c] - top));
  if (dl)
    for (int64_t c = 0; c < classes; ++c) {
      const double target = (c == t.label ? t.first : 0.0) + (c == t.second ? t.rest : 0.0) + t.every;
      dl[c] = float(std::exp(double(l[c] - top)) / sum - target) * scale;
    }
  double chosen = t.first * double(l[t.label] - top);
  if (t.rest > 0) chosen += t.rest * double(l[t.second] - top);
  if (t.every > 0)
    for (int64_t c = 0; c < classes; ++c) all += double(l[c] - top);
  return std::log(sum) - (chosen + t.every * all);
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

int32_t checked_label(View labels, int64_t row, int64_t classes) {
  const int32_t label = labels.as<int32_t>()[row];
  CHECK(label >= 0 && label < classes, "label {} of row {} with {} classes", label, row, classes);
  return label;
}

}  // namespace

// One thread, so that the sum has a fixed order. Rows are few and short.
void cross_entropy(Stream, View logits, View labels, View second, View weight, float smoothing, View loss, View correct,
                   View dlogits) {
  const int64_t rows = logits.rows(), classes = logits.channels();
  CHECK(labels.numel() == rows && labels.dtype == DType::i32, "{} labels for {} rows", labels.numel(), rows);
  CHECK(bool(second) == bool(weight), "second labels and weights go together");
  CHECK(!second || (second.numel() == rows && second.dtype == DType::i32 && weight.numel() == rows),
        "{} second labels and {} weights for {} rows", second.numel(), weight.numel(), rows);
  const double kept = 1.0 - double(smoothing);
  double total = 0;
  int32_t top1 = 0, top5 = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const float* l = logits.as<float>() + r * classes;
    const double w = weight ? double(weight.as<float>()[r]) : 1.0;
    const int32_t label = checked_label(labels, r, classes);
    const int32_t other = second ? checked_label(second, r, classes) : label;
    const Target target{label, other, kept * w, kept * (1.0 - w), double(smoothing) / double(classes)};
    total += row_loss(l, classes, target, 1.0f / float(rows), dlogits ? dlogits.as<float>() + r * classes : nullptr);
    const int64_t rank = rank_of(l, classes, w >= 0.5 ? label : other);
    top1 += rank < 1;
    top5 += rank < 5 && rank < classes;
  }
  *loss.as<float>() = float(total / double(rows));
  correct.as<int32_t>()[0] = top1;
  correct.as<int32_t>()[1] = top5;
}

}  // namespace skein::cpu
