#include "base/terminal/nearest.h"

#include <algorithm>
#include <numeric>

namespace skein {
namespace {

// Levenshtein distance by dynamic programming, one row at a time.
size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest(const std::string& name, const std::vector<std::string>& known) {
  std::string best;
  size_t fewest = 1 + std::max<size_t>(2, name.size() / 3);
  for (const std::string& candidate : known) {
    const size_t n = edit_distance(name, candidate);
    if (n < fewest) fewest = n, best = candidate;
  }
  return best;
}

}  // namespace skein
