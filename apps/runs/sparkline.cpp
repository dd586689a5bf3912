#include "apps/runs/sparkline.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace skein {
namespace {

constexpr std::array kBlocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::array kAscii = {"_", ".", ":", "-", "=", "+", "*", "#"};

bool locale_is_utf8() {
  for (const char* variable : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (const char* value = std::getenv(variable); value && *value) {
      const std::string name = value;
      return name.find("UTF-8") != std::string::npos || name.find("utf8") != std::string::npos;
    }
  return false;
}

// Means of the finite ones of consecutive values, a mean per column.
std::vector<double> columns(const std::vector<double>& values, size_t width) {
  const size_t n = std::min(values.size(), width);
  std::vector<double> means;
  for (size_t c = 0; c < n; ++c) {
    double sum = 0, count = 0;
    for (size_t i = c * values.size() / n; i < (c + 1) * values.size() / n; ++i)
      if (std::isfinite(values[i])) {
        sum += values[i];
        ++count;
      }
    means.push_back(count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN());
  }
  return means;
}

}  // namespace

std::string sparkline(const std::vector<double>& values, int64_t width, bool utf8) {
  const std::vector<double> means = columns(values, size_t(std::max<int64_t>(0, width)));
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double m : means)
    if (std::isfinite(m)) {
      low = std::min(low, m);
      high = std::max(high, m);
    }
  std::string line;
  for (const double m : means) {
    const double place = high > low ? (m - low) / (high - low) * 7 : 0;
    line += std::isfinite(m) ? (utf8 ? kBlocks : kAscii)[size_t(std::lround(place))] : " ";
  }
  return line;
}

std::string sparkline(const std::vector<double>& values, int64_t width) {
  return sparkline(values, width, locale_is_utf8());
}

std::string cut_to(const std::string& text, int64_t width) {
  int64_t characters = 0;
  for (size_t i = 0; i < text.size(); ++i)
    if ((text[i] & 0xC0) != 0x80 && characters++ == width) return text.substr(0, i);
  return text;
}

}  // namespace skein
