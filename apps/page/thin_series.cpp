#include "apps/page/thin_series.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace skein {

void ThinSeries::add(double step, double low, double high, double mean) {
  if (!buckets_.empty() && buckets_.back().values < width_) {
    Bucket& b = buckets_.back();
    b = {step, std::min(b.low, low), std::max(b.high, high), b.sum + mean, mean, b.values + 1};
    return;
  }
  if (buckets_.size() == 2 * kBuckets) {
    for (size_t i = 0; i < kBuckets; ++i) {
      const Bucket &a = buckets_[2 * i], &b = buckets_[2 * i + 1];
      buckets_[i] = {b.step, std::min(a.low, b.low), std::max(a.high, b.high), a.sum + b.sum,
                     b.last, a.values + b.values};
    }
    buckets_.resize(kBuckets);
    width_ *= 2;
  }
  buckets_.push_back({step, low, high, mean, mean, 1});
}

Json ThinSeries::ranges() const {
  std::vector<double> x, low, high, mean;
  for (const Bucket& b : buckets_) {
    x.push_back(b.step);
    low.push_back(b.low);
    high.push_back(b.high);
    mean.push_back(b.sum / double(b.values));
  }
  Json series = {{"x", rounded(x)}, {"mean", rounded(mean)}};
  if (low == high) return series;
  series["low"] = rounded(low);
  series["high"] = rounded(high);
  return series;
}

Json ThinSeries::samples() const {
  std::vector<double> x, y;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    const double last = buckets_[i].last;
    const bool between = i > 0 && i + 1 < buckets_.size();
    if (between && buckets_[i - 1].last == last && buckets_[i + 1].last == last) continue;
    x.push_back(buckets_[i].step);
    y.push_back(last);
  }
  return {{"x", rounded(x)}, {"y", rounded(y)}};
}

double rounded(double value) { return std::strtod(fmt::format("{:.6g}", value).c_str(), nullptr); }

Json rounded(const std::vector<double>& values) {
  Json numbers = Json::array();
  for (const double v : values) {
    const double r = rounded(v);
    numbers.push_back(std::abs(r) < 1e15 && r == std::trunc(r) ? Json(int64_t(r)) : Json(r));
  }
  return numbers;
}

}  // namespace skein
