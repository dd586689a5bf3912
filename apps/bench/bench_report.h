// The JSON that every `skein bench --json` prints: one object on the last line, of one schema on all devices
// (docs/measuring.md). skein bench compare reads it.
#pragma once

#include <string>
#include <vector>

#include "base/formats/json.h"

namespace skein {

constexpr int kBenchSchema = 1;

struct Timing {
  double median = 0, fastest = 0, spread = 0;  // seconds; spread: (slowest - fastest) / median
};
Timing timing_of(std::vector<double> seconds);

struct BenchCase {
  std::string name = {};               // its only one in the report
  std::vector<double> seconds = {};    // of each repetition
  std::string shape = {}, types = {};  // as in "128x32x32x3" and "f32"
  Json rates = Json::object();         // per second of the median, as in {"img_per_s": 528}
  Json more = Json::object();          // measured by this bench alone
};

struct BenchReport {
  std::string bench = {};                              // step, kernels, comm, data or workers
  std::string device = "cpu";                          // or cuda
  Json peaks = Json::object(), more = Json::object();  // of the machine; and of the whole report
  std::vector<BenchCase> cases = {};
};

// flags: of the command line, with their defaults.
Json to_json(const BenchReport& report, const Json& flags);

// A report as it was read: what two of them are compared by.
struct ReadCase {
  std::string name;
  std::vector<double> seconds;
};
struct ReadReport {
  std::string path;
  Json header;  // all but the cases
  std::vector<ReadCase> cases;
};
// The last line of the text. BadInput names `path` and the fault: no JSON, another schema, times that are not positive.
ReadReport parse_bench(const std::string& text, const std::string& path);

}  // namespace skein
