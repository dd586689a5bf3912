#include "apps/bench/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/table.h"

namespace skein {
namespace {

const ReadCase* find(const ReadReport& report, const std::string& name) {
  const auto found =
      std::find_if(report.cases.begin(), report.cases.end(), [&](const ReadCase& c) { return c.name == name; });
  return found == report.cases.end() ? nullptr : &*found;
}

Verdict verdict_of(const ComparedCase& c, size_t cases) {
  if (c.p < kSignificance) return c.time.estimate < 1 ? Verdict::faster : Verdict::slower;
  return smallest_p(c.a_samples, c.b_samples) * double(cases) >= kSignificance ? Verdict::too_few
                                                                               : Verdict::no_difference_seen;
}

std::string describe(const ComparedCase& c) {
  switch (c.verdict) {
    case Verdict::faster:
      return fmt::format("B is faster, by {:.1f} %", 100 * (1 / c.time.estimate - 1));
    case Verdict::slower:
      return fmt::format("B is slower, by {:.1f} %", 100 * (1 - 1 / c.time.estimate));
    case Verdict::no_difference_seen:
      return "no difference seen";
    case Verdict::too_few:
      break;
  }
  return "too few samples";
}

std::string interval(const Ratio& r) {
  if (!std::isfinite(r.low)) return fmt::format("{:.3f}", r.estimate);
  return fmt::format("{:.3f} ({:.3f} to {:.3f})", r.estimate, r.low, r.high);
}

std::string text_of(const Json& value) { return value.dump(-1, Json::BadUtf8::replace); }

// "flags.batch: 128 and 64" for each key that differs, of objects key by key.
void list_differences(const std::string& name, const Json& a, const Json& b, std::vector<std::string>& notes) {
  if (a == b) return;
  if (!a.is_object() || !b.is_object())
    return notes.push_back(fmt::format("{}: {} and {}", name, text_of(a), text_of(b)));
  for (const auto& [key, value] : a.items())
    list_differences(name + "." + key, value, b.contains(key) ? b.at(key) : Json(), notes);
  for (const auto& [key, value] : b.items())
    if (!a.contains(key)) list_differences(name + "." + key, Json(), value, notes);
}

Json member(const ReadReport& report, const char* key) {
  return report.header.contains(key) ? report.header.at(key) : Json();
}

}  // namespace

std::vector<ComparedCase> compare_cases(const ReadReport& a, const ReadReport& b) {
  std::vector<ComparedCase> cases;
  std::vector<double> p;
  for (const ReadCase& of_a : a.cases) {
    const ReadCase* of_b = find(b, of_a.name);
    if (!of_b) continue;
    ComparedCase c;
    c.name = of_a.name;
    c.a_samples = of_a.seconds.size();
    c.b_samples = of_b->seconds.size();
    c.a_median = timing_of(of_a.seconds).median;
    c.b_median = timing_of(of_b->seconds).median;
    c.time = ratio_of(of_a.seconds, of_b->seconds);
    c.test = rank_test(of_a.seconds, of_b->seconds);
    p.push_back(c.test.p);
    cases.push_back(std::move(c));
  }
  const std::vector<double> corrected = holm(p);
  for (size_t i = 0; i < cases.size(); ++i) {
    cases[i].p = corrected[i];
    cases[i].verdict = verdict_of(cases[i], cases.size());
  }
  return cases;
}

std::vector<std::string> other_differences(const ReadReport& a, const ReadReport& b) {
  std::vector<std::string> notes;
  for (const char* key : {"bench", "version", "commit", "machine", "device", "threads", "flags"})
    list_differences(key, member(a, key), member(b, key), notes);
  for (const auto& [own, other, name] : {std::tuple{&a, &b, "A"}, {&b, &a, "B"}})
    for (const ReadCase& c : own->cases)
      if (!find(*other, c.name)) notes.push_back(fmt::format("{}: only {} has this case", c.name, name));
  return notes;
}

void print_comparison(const std::vector<ComparedCase>& cases, const std::vector<std::string>& notes, Sample sample) {
  std::vector<std::vector<std::string>> rows = {
      {"case", "A median ms", "B median ms", "samples", "time of B / A (95 %)", "p", "verdict"}};
  for (const ComparedCase& c : cases)
    rows.push_back({c.name, fmt::format("{:.4g}", c.a_median * 1e3), fmt::format("{:.4g}", c.b_median * 1e3),
                    fmt::format("{}, {}", c.a_samples, c.b_samples), interval(c.time), fmt::format("{:.2g}", c.p),
                    describe(c)});
  constexpr Align left = Align::left, right = Align::right;
  fmt::print("{}", format_table({left, right, right, right, right, right, left}, rows));
  for (const std::string& note : notes) fmt::print("differs  {}\n", note);
  if (sample == Sample::repetition)
    fmt::print(
        "note     A and B are one process each. On a machine that is busy, two processes of one program differ as "
        "well: "
        "skein bench ab compares programs\n");
}

Json to_json(const std::vector<ComparedCase>& cases, const std::vector<std::string>& notes, Sample sample) {
  Json all = Json::array();
  for (const ComparedCase& c : cases)
    all.push_back({{"case", c.name},
                   {"a_median", c.a_median},
                   {"b_median", c.b_median},
                   {"a_samples", int64_t(c.a_samples)},
                   {"b_samples", int64_t(c.b_samples)},
                   {"ratio", c.time.estimate},
                   {"ratio_low", c.time.low},
                   {"ratio_high", c.time.high},
                   {"u", c.test.u},
                   {"exact", c.test.exact},
                   {"p", c.p},
                   {"verdict", to_string(c.verdict)}});
  return {{"schema", kBenchSchema},
          {"bench", "compare"},
          {"sample", to_string(sample)},
          {"cases", all},
          {"differs", notes}};
}

}  // namespace skein
