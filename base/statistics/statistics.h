// Statistics of a few repeated measurements.
#pragma once

#include <cstddef>
#include <vector>

namespace skein {

struct Summary {
  size_t n = 0;
  double mean = 0;       // NaN without values
  double deviation = 0;  // standard deviation of the sample, with n - 1; NaN for less than two values
};

// Values that are not finite are left out.
Summary summary_of(const std::vector<double>& values);

}  // namespace skein
