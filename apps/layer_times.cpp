#include "apps/layer_times.h"

#include <zlib.h>

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "base/formats/json.h"
#include "base/terminal/printable.h"

namespace skein {
namespace {

constexpr const char kAdvice[] =
    "Give what `skein bench step --profile --json` prints, as a file, or a file of `skein train --trace`";

std::string read_gzip(const std::string& path, const std::string& name) {
  gzFile file = gzopen(path.c_str(), "rb");
  if (!file) throw BadInput("{}: cannot be opened. {}", name, kAdvice);
  std::string text;
  char buffer[1 << 16];
  int n = 0;
  while ((n = gzread(file, buffer, sizeof buffer)) > 0) text.append(buffer, size_t(n));
  const bool whole = n == 0 && gzclose(file) == Z_OK;
  if (!whole) throw BadInput("{}: is damaged or cut off. {}", name, kAdvice);
  return text;
}

void read_bench(const Json& bench, LayerTimes& times) {
  times.model = bench.at("flags").at("model").get<std::string>();
  for (const Json& layer : bench.at("layers").elements())
    times.layers[layer.at("layer").get<std::string>()] = {layer.at("forward_ms").get<double>(),
                                                          layer.at("backward_ms").get<double>()};
}

// "3:6": 4 steps.
double number_of_steps(const std::string& range) {
  int64_t first = 0, last = 0;
  const size_t colon = std::min(range.find(':'), range.size());
  const char *begin = range.data(), *middle = begin + colon, *end = begin + range.size();
  std::from_chars(begin, middle, first);
  if (middle != end) std::from_chars(middle + 1, end, last);
  if (first < 1 || last < first) throw JsonError(fmt::format("steps '{}' are no range", range));
  return double(last - first + 1);
}

void read_timeline(const Json& trace, LayerTimes& times) {
  times.model = trace.at("otherData").at("model").get<std::string>();
  const double steps = number_of_steps(trace.at("otherData").at("steps").get<std::string>());
  for (const Json& event : trace.at("traceEvents").elements()) {
    if (!event.contains("cat") || !(event.at("cat") == "kernel") || !(event.at("pid") == 0)) continue;
    LayerTimes::Time& time = times.layers[event.at("args").at("layer").get<std::string>()];
    const double ms = event.at("dur").get<double>() * 1e-3 / steps;
    const std::string pass = event.at("args").at("pass").get<std::string>();
    if (pass == "forward") time.forward += ms;
    if (pass == "backward") time.backward += ms;
  }
}

}  // namespace

LayerTimes read_layer_times(const std::string& path, const std::string& flag) {
  const std::string name = flag + printable(path), text = read_gzip(path, name);
  LayerTimes times;
  try {
    const Json json = Json::parse(text);
    if (json.contains("traceEvents"))
      read_timeline(json, times);
    else
      read_bench(json, times);
  } catch (const JsonError& e) {
    throw BadInput("{}: {}. {}", name, e.what(), kAdvice);
  }
  if (times.layers.empty()) throw BadInput("{}: has no times of kernels. {}", name, kAdvice);
  return times;
}

}  // namespace skein
