#include "local_sgd/network_model.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>
#include <sstream>
#include <utility>

#include "base/check.h"

namespace skein {
namespace {

[[noreturn]] void fail(const std::string& text, const std::string& what) {
  throw BadInput(
      "network '{}': {}. Give bandwidth and latency, as in 1Gbit,200us, or by link, as in block=100Gbit,5us;"
      "world=1Gbit,1ms. Bandwidths are as in 100Mbit, 100Mbps, 1 Gb/s, 1Gbit/s, 10GbE, or 125 MB/s in bytes; latencies "
      "are in ns, us, ms or s",
      text, what);
}

// Bandwidth: a number with bit, b, bps, bit/s or b/s after nothing, K, M, G or T, or with MB/s and the like in bytes;
// 10GbE is 10 Gbit/s. Latency: a number with ns, us, ms or s.
// A number with a unit, and spaces between them or not: 1Gbit, 1.5 Gb/s.
struct Quantity {
  double value;
  std::string unit;
};

Quantity parse_quantity(const std::string& text, const std::string& quantity, const char* what) {
  Quantity q{};
  const char *begin = quantity.data(), *end = begin + quantity.size();
  while (begin != end && *begin == ' ') ++begin;
  while (begin != end && end[-1] == ' ') --end;
  const auto [read, error] = std::from_chars(begin, end, q.value);
  if (error != std::errc() || !std::isfinite(q.value) || q.value < 0)
    fail(text, fmt::format("the {} '{}' is not a number with a unit", what, quantity));
  q.unit = std::string(std::find_if(read, end, [](char c) { return c != ' '; }), end);
  return q;
}

// Bits per second of a unit. Bytes must be written as such, MB/s: people write GB and Gb for the same thing.
std::optional<double> bits_per_second(std::string unit) {
  double factor = 1;
  const std::string prefixes = "kmgt";
  const auto lower = [](char c) { return char(std::tolower(static_cast<unsigned char>(c))); };
  const size_t power = unit.empty() ? prefixes.npos : prefixes.find(lower(unit[0]));
  if (power != prefixes.npos) {
    factor = std::pow(1e3, double(power) + 1);
    unit.erase(0, 1);
  }
  if (unit == "B/s" && power != prefixes.npos) return 8 * factor;
  if (unit == "bE" && power == 2) return factor;  // 10GbE
  for (const char* bits : {"bit", "bits", "b", "bps", "b/s", "bit/s", "bits/s"})
    if (unit == bits) return factor;
  return std::nullopt;
}

std::optional<double> seconds_of(const std::string& unit) {
  for (const auto& [name, seconds] :
       {std::pair{"ns", 1e-9}, {"us", 1e-6}, {"\u00b5s", 1e-6}, {"\u03bcs", 1e-6}, {"ms", 1e-3}, {"s", 1.0}})
    if (unit == name) return seconds;
  return std::nullopt;
}

double parse_bandwidth(const std::string& text, const std::string& bandwidth) {
  const Quantity q = parse_quantity(text, bandwidth, "bandwidth");
  const std::optional<double> factor = bits_per_second(q.unit);
  if (!factor) fail(text, fmt::format("the bandwidth '{}' has no known unit", bandwidth));
  if (q.value == 0) fail(text, "the bandwidth is zero");
  return q.value * *factor;
}

double parse_latency(const std::string& text, const std::string& latency) {
  const Quantity q = parse_quantity(text, latency, "latency");
  const std::optional<double> factor = seconds_of(q.unit);
  if (!factor) fail(text, fmt::format("the latency '{}' has no known unit", latency));
  return q.value * *factor;
}

Link parse_link(const std::string& text, const std::string& link) {
  const size_t comma = link.find(',');
  if (comma == std::string::npos) fail(text, "the latency is missing");
  return {parse_bandwidth(text, link.substr(0, comma)), parse_latency(text, link.substr(comma + 1))};
}

}  // namespace

NetworkModel parse_network(const std::string& text) {
  std::optional<Link> block, world;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ';');) {
    const size_t equals = part.find('=');
    const std::string name = equals == std::string::npos ? "world" : part.substr(0, equals);
    if (name != "block" && name != "world") fail(text, fmt::format("there is no link '{}'", name));
    std::optional<Link>& link = name == "block" ? block : world;
    if (link) fail(text, fmt::format("the {} link is given twice", name));
    link = parse_link(text, equals == std::string::npos ? part : part.substr(equals + 1));
  }
  if (!world) fail(text, "the link among all is missing");
  return {block.value_or(*world), *world};
}

int64_t break_even_steps(double step_seconds, double sync_seconds, double share) {
  CHECK(step_seconds > 0 && sync_seconds >= 0 && share > 0 && share < 1, "{} s per step, {} s per sync, share {}",
        step_seconds, sync_seconds, share);
  constexpr double kRounding = 1 - 1e-12;  // an exact quotient must not become the next number
  return std::max<int64_t>(1, int64_t(std::ceil(sync_seconds * (1 - share) / (share * step_seconds) * kRounding)));
}

}  // namespace skein
