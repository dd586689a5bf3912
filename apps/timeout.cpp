#include "apps/timeout.h"

#include <charconv>
#include <utility>

#include "base/check.h"

namespace skein {

double parse_timeout(const std::string& text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  const std::string unit(rest, end);
  for (const auto& [name, seconds] : {std::pair{"s", 1.0}, {"min", 60.0}, {"h", 3600.0}})
    if (error == std::errc() && unit == name && value * seconds >= 1 && value * seconds <= 1e6) return value * seconds;
  throw BadInput("--timeout {}: give a time from 1s up, in s, min or h, as in 30s, 5min or 2h", text);
}

}  // namespace skein
