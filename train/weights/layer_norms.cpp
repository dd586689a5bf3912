#include "train/weights/layer_norms.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace skein {
namespace {

double sum_of_squares(const std::vector<float>& flat, const Segment& segment) {
  double sum = 0;
  for (int64_t i = segment.begin; i < segment.begin + segment.count; ++i)
    sum += double(flat[size_t(i)]) * double(flat[size_t(i)]);
  return sum;
}

constexpr int64_t kBuckets = 32;

Histogram histogram_of(const std::string& name, std::span<const float> numbers) {
  Histogram h{.name = name};
  h.min = std::numeric_limits<double>::infinity(), h.max = -h.min;
  for (const float x : numbers) {
    if (!std::isfinite(x)) continue;
    h.min = std::min(h.min, double(x)), h.max = std::max(h.max, double(x));
    h.sum += double(x), h.squares += double(x) * double(x), ++h.count;
  }
  if (h.count == 0) return {.name = name};
  const double width = (h.max - h.min) / double(kBuckets);
  h.counts.assign(size_t(kBuckets), 0);
  for (int64_t b = 1; b <= kBuckets; ++b) h.limits.push_back(b < kBuckets ? h.min + double(b) * width : h.max);
  for (const float x : numbers) {
    if (!std::isfinite(x)) continue;
    const auto bucket = std::lower_bound(h.limits.begin(), h.limits.end(), double(x)) - h.limits.begin();
    ++h.counts[size_t(bucket)];
  }
  return h;
}

}  // namespace

std::vector<Histogram> weight_histograms(const ParameterStore& weights) {
  const std::vector<float> value = weights.value.to_vector();
  std::vector<Histogram> all;
  for (size_t i = 0; i < weights.specs().size(); ++i) {
    const Segment& s = weights.segments()[i];
    all.push_back(histogram_of(weights.specs()[i].name, std::span(value).subspan(size_t(s.begin), size_t(s.count))));
  }
  return all;
}

std::vector<LayerNorms> layer_norms(const ParameterStore& weights, const ParameterStore& gradients) {
  const std::vector<float> value = weights.value.to_vector(), grad = gradients.grad.to_vector();
  std::vector<LayerNorms> layers;  // sums of squares, until all parameters are added
  for (size_t i = 0; i < weights.specs().size(); ++i) {
    const std::string& parameter = weights.specs()[i].name;
    const std::string name = parameter.substr(0, parameter.rfind('.'));
    if (layers.empty() || layers.back().name != name) layers.push_back({name, 0, 0});
    layers.back().weight += sum_of_squares(value, weights.segments()[i]);
    layers.back().gradient += sum_of_squares(grad, gradients.segments()[i]);
  }
  for (LayerNorms& l : layers) l.weight = std::sqrt(l.weight), l.gradient = std::sqrt(l.gradient);
  return layers;
}

}  // namespace skein
