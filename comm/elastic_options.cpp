#include "comm/elastic_options.h"

#include <charconv>
#include <set>
#include <string_view>

#include "base/check.h"
#include "base/settings.h"

namespace skein {
namespace {

constexpr int64_t kMostMembers = 4096;
constexpr double kShortestGrace = 0.1, kLongestGrace = 3600;  // seconds

struct Number {
  double value = 0;
  std::string_view unit;
  bool valid = false;
};

Number number(std::string_view text) {
  Number n;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), n.value);
  n.valid = error == std::errc();
  n.unit = {rest, size_t(text.data() + text.size() - rest)};
  return n;
}

bool set_members(std::string_view text, int64_t& to) {
  const Number n = number(text);
  to = int64_t(n.value);
  return n.valid && n.unit.empty() && double(to) == n.value && to >= 1 && to <= kMostMembers;
}

bool set_seconds(std::string_view text, double& to) {
  const Number n = number(text);
  const double unit = n.unit == "ms" ? 1e-3 : n.unit == "s" ? 1 : n.unit == "min" ? 60 : 0;
  to = n.value * unit;
  return n.valid && to >= kShortestGrace && to <= kLongestGrace;
}

}  // namespace

ElasticOptions parse_elastic(const std::string& text) {
  constexpr const char kForm[] =
      "Give min=N[,max=M][,grace=TIME][,interface=NAME], with 1 <= N <= M <= 4096, a time from 100ms to 60min and a "
      "network interface of every machine, as in min=2,max=16,grace=30s,interface=eth0";
  ElasticOptions o;
  std::set<std::string> seen;
  for (const Setting& s : parse_settings(text)) {
    const bool good = s.key == "min"         ? set_members(s.value, o.min)
                      : s.key == "max"       ? set_members(s.value, o.max)
                      : s.key == "grace"     ? set_seconds(s.value, o.grace)
                      : s.key == "interface" ? !(o.interface = s.value).empty()
                                             : false;
    if (!good || !seen.insert(s.key).second)
      throw BadInput("--elastic {}: '{}' is not right. {}", text, s.text(), kForm);
  }
  if (!seen.contains("min")) throw BadInput("--elastic {}: there is no min. {}", text, kForm);
  if (o.min > o.max) throw BadInput("--elastic {}: min is above max. {}", text, kForm);
  return o;
}

}  // namespace skein
