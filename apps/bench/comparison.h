// Two measurements of the same cases, and what may be said about them: skein bench compare and skein bench ab.
#pragma once

#include <string>
#include <vector>

#include "apps/bench/bench_report.h"
#include "base/enum_names.h"
#include "base/statistics/rank_test.h"

namespace skein {

enum class Verdict : uint8_t { faster, slower, no_difference_seen, too_few };
constexpr auto names_of(Verdict) { return std::array{"faster", "slower", "no difference seen", "too few samples"}; }

constexpr double kSignificance = 0.05;

struct ComparedCase {
  std::string name;
  size_t a_samples = 0, b_samples = 0;
  double a_median = 0, b_median = 0;  // seconds
  Ratio time;                         // of b to a
  RankTest test;
  double p = 1;  // corrected for the number of cases
  Verdict verdict = Verdict::no_difference_seen;
};

// The cases that both reports have, in the order of a. B is faster or slower where p < 0.05 after Holm's correction for
// the number of cases. Too few: not even samples that are wholly apart could reach that.
std::vector<ComparedCase> compare_cases(const ReadReport& a, const ReadReport& b);

// Lines about what else is not the same: machine, threads, flags, versions, and cases that only one of them has.
std::vector<std::string> other_differences(const ReadReport& a, const ReadReport& b);

// repetition: a sample is one of a process, of which there is one for A and one for B. process: it is a whole process.
enum class Sample : uint8_t { repetition, process };
constexpr auto names_of(Sample) { return std::array{"repetition", "process"}; }

// With repetitions the text says what they cannot show.
void print_comparison(const std::vector<ComparedCase>& cases, const std::vector<std::string>& notes, Sample sample);
Json to_json(const std::vector<ComparedCase>& cases, const std::vector<std::string>& notes, Sample sample);

}  // namespace skein
