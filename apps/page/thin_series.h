// A series of values by step, thinned while it is read: at most 2 x kBuckets buckets of equally many consecutive
// values, each with the least, the greatest, the mean and the last. A log of any length takes the same memory, and an
// extreme value is never lost.
#pragma once

#include <cstdint>
#include <vector>

#include "base/formats/json.h"

namespace skein {

class ThinSeries {
 public:
  static constexpr size_t kBuckets = 200;

  void add(double step, double value) { add(step, value, value, value); }
  // Values of several workers at one step: least, greatest and mean.
  void add(double step, double low, double high, double mean);
  bool empty() const { return buckets_.empty(); }

  Json ranges() const;   // {"x": last step of each bucket, "low", "high", "mean"}
  Json samples() const;  // {"x", "y": last value}, without points between two equal ones

 private:
  struct Bucket {
    double step, low, high, sum, last;
    int64_t values;
  };
  std::vector<Bucket> buckets_;
  int64_t width_ = 1;  // values of a full bucket
};

// `value` with six significant digits: shorter in JSON, finer than a pixel.
double rounded(double value);
Json rounded(const std::vector<double>& values);

}  // namespace skein
