#include "apps/bench/comm_sizes.h"

#include <fmt/format.h>

#include <cstdlib>
#include <sstream>

#include "base/check.h"

namespace skein {
namespace {

constexpr int64_t kLeast = 4, kMost = int64_t{16} << 30, kStep = 4;

int64_t parse_size(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  const std::string unit = end;
  int64_t scale = 0;
  for (const auto& [name, bytes] : {std::pair{"B", 0}, {"", 0}, {"KB", 10}, {"MB", 20}, {"GB", 30}})
    if (unit == name) scale = int64_t{1} << bytes;
  const double bytes = number * double(scale);
  if (end == text.c_str() || scale == 0 || !(bytes >= double(kLeast) && bytes <= double(kMost)))
    throw BadInput("--sizes: '{}' is not a size. Give from 4B to 16GB, as in 1KB,32MB or 1KB:1GB", text);
  return int64_t(bytes);
}

}  // namespace

std::vector<int64_t> parse_sizes(const std::string& text) {
  std::vector<int64_t> sizes;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    const size_t colon = part.find(':');
    const int64_t first = parse_size(part.substr(0, colon));
    const int64_t last = colon == std::string::npos ? first : parse_size(part.substr(colon + 1));
    if (last < first) throw BadInput("--sizes {}: ends before it begins. Give the smaller size first", part);
    for (int64_t size = first; size <= last; size *= kStep) sizes.push_back(size);
  }
  if (sizes.empty()) throw BadInput("--sizes: is empty. Give some, as in 1KB,32MB or 1KB:1GB");
  return sizes;
}

std::string format_size(int64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KB", "MB", "GB"};
  double size = double(bytes);
  int unit = 0;
  while (size >= 1024 && unit < 3) size /= 1024, ++unit;
  return fmt::format("{:.4g}{}", size, kUnits[unit]);
}

}  // namespace skein
