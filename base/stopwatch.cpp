#include "base/stopwatch.h"

#include <fmt/format.h>

namespace skein {

std::string format_duration(double seconds) {
  const auto s = int64_t(seconds + 0.5);
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
  return fmt::format("{} h {:02} min", s / 3600, s / 60 % 60);
}

}  // namespace skein
