#include "base/statistics/statistics.h"

#include <cmath>
#include <limits>

namespace skein {

Summary summary_of(const std::vector<double>& values) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> finite;
  for (const double x : values)
    if (std::isfinite(x)) finite.push_back(x);
  const double n = double(finite.size());
  double sum = 0, squares = 0;
  for (const double x : finite) sum += x;
  const double mean = finite.empty() ? kNone : sum / n;
  for (const double x : finite) squares += (x - mean) * (x - mean);
  return {finite.size(), mean, finite.size() < 2 ? kNone : std::sqrt(squares / (n - 1))};
}

}  // namespace skein
