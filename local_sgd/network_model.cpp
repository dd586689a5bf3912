#include "local_sgd/network_model.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <sstream>

#include "base/check.h"

namespace skein {
namespace {

struct Unit {
  const char* name;
  double factor;
};
constexpr Unit kRates[] = {{"bit", 1}, {"Kbit", 1e3}, {"Mbit", 1e6}, {"Gbit", 1e9}};
constexpr Unit kTimes[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}};

[[noreturn]] void fail(const std::string& text, const std::string& what) {
  throw BadInput(
      "network '{}': {}. Give bandwidth and latency, as in 1Gbit,200us, or by link, as in block=100Gbit,5us;"
      "world=1Gbit,1ms. Units are bit, Kbit, Mbit, Gbit (per second) and ns, us, ms, s",
      text, what);
}

template <size_t n>
double parse_quantity(const std::string& text, const std::string& quantity, const Unit (&units)[n], const char* what) {
  double value = 0;
  const char* end = quantity.data() + quantity.size();
  const auto [read, error] = std::from_chars(quantity.data(), end, value);
  if (error != std::errc() || !std::isfinite(value) || value < 0)
    fail(text, fmt::format("the {} '{}' is not a number with a unit", what, quantity));
  const std::string name(read, end);
  const auto unit = std::find_if(std::begin(units), std::end(units), [&](const Unit& u) { return name == u.name; });
  if (unit == std::end(units)) fail(text, fmt::format("the {} '{}' has no known unit", what, quantity));
  return value * unit->factor;
}

Link parse_link(const std::string& text, const std::string& link) {
  const size_t comma = link.find(',');
  if (comma == std::string::npos) fail(text, "the latency is missing");
  const Link result{parse_quantity(text, link.substr(0, comma), kRates, "bandwidth"),
                    parse_quantity(text, link.substr(comma + 1), kTimes, "latency")};
  if (!(result.bits_per_second > 0)) fail(text, "the bandwidth is zero");
  return result;
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
