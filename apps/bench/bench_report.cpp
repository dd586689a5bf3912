#include "apps/bench/bench_report.h"

#include <fmt/chrono.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <set>

#include "base/check.h"
#include "kernels/device/runtime.h"
#include "train/machine/machine.h"
#include "train/machine/version.h"

namespace skein {
namespace {

Json machine(const std::string& device) {
  const Processor cpu = processor();
  Json machine = {{"cpu", cpu.name}, {"cores", cpu.cores}, {"instruction_sets", cpu.instruction_sets}, {"gpu", Json()}};
  if (device == "cuda") machine["gpu"] = cuda::devices().at(size_t(cuda::current_device())).name;
  return machine;
}

Json to_json(const BenchCase& c) {
  const Timing t = timing_of(c.seconds);
  Json json = {{"case", c.name},       {"unit", "s"},        {"median", t.median},
               {"fastest", t.fastest}, {"spread", t.spread}, {"samples", c.seconds},
               {"rates", c.rates},     {"shape", c.shape},   {"types", c.types}};
  for (const auto& [key, value] : c.more.items()) json[key] = value;
  return json;
}

ReadCase read_case(const Json& json, const std::string& path) {
  ReadCase c{json.at("case").get<std::string>(), {}};
  for (const Json& x : json.at("samples").elements()) {
    c.seconds.push_back(x.get<double>());
    if (!(c.seconds.back() > 0) || !std::isfinite(c.seconds.back()))
      throw BadInput("{}: case {}: {} is not a time. Measure it again", path, c.name, c.seconds.back());
  }
  if (c.seconds.empty()) throw BadInput("{}: case {}: has no samples. Measure it again", path, c.name);
  return c;
}

}  // namespace

Timing timing_of(std::vector<double> seconds) {
  CHECK(!seconds.empty(), "no measurement");
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[seconds.size() / 2];
  return {median, seconds.front(), (seconds.back() - seconds.front()) / median};
}

Json to_json(const BenchReport& report, const Json& flags) {
  Json cases = Json::array();
  for (const BenchCase& c : report.cases) cases.push_back(to_json(c));
  Json json = {{"schema", kBenchSchema},
               {"bench", report.bench},
               {"version", version()},
               {"commit", commit()},
               {"time", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))},
               {"machine", machine(report.device)},
               {"device", report.device},
               {"threads", omp_get_max_threads()},
               {"flags", flags},
               {"peaks", report.peaks}};
  for (const auto& [key, value] : report.more.items()) json[key] = value;
  json["cases"] = cases;
  return json;
}

ReadReport parse_bench(const std::string& text, const std::string& path) {
  const size_t end = text.find_last_not_of(" \t\r\n");
  if (end == std::string::npos) throw BadInput("{}: is empty. Write it with skein bench … --json", path);
  const size_t before = text.rfind('\n', end), begin = before == std::string::npos ? 0 : before + 1;
  try {
    ReadReport report{path, Json::parse(std::string_view(text).substr(begin, end + 1 - begin)), {}};
    if (const int64_t schema = report.header.at("schema").get<int64_t>(); schema != kBenchSchema)
      throw BadInput("{}: has schema {}, this version reads {}. Measure again", path, schema, kBenchSchema);
    std::set<std::string> names;
    for (const Json& c : report.header.at("cases").elements()) {
      report.cases.push_back(read_case(c, path));
      if (!names.insert(report.cases.back().name).second)
        throw BadInput("{}: has case {} twice. Measure again", path, report.cases.back().name);
    }
    report.header.erase("cases");
    return report;
  } catch (const JsonError& e) {
    throw BadInput(
        "{}: its last line is not what skein bench --json prints in schema {} ({}). Measure with a version that does",
        path, kBenchSchema, e.what());
  }
}

}  // namespace skein
