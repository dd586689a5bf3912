#include "apps/reproduce/verdict.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/statistics/rank_test.h"
#include "base/statistics/statistics.h"
#include "base/statistics/welch_test.h"
#include "base/terminal/printable.h"
#include "train/log/run_log.h"

namespace skein {
namespace {

constexpr double kSignificant = 0.05;

// One measure of a claim. gain: what the test has to be above of, in favour of the claim.
struct Comparison {
  Measure measure = Measure::accuracy;
  std::string better, than;
  std::vector<double> of_better, of_than;
  int64_t missing = 0;     // planned runs of both
  int64_t unmeasured = 0;  // runs of both without a certain eigenvalue, of those that are done
  double shift = 0;        // of the gain
  WelchTest gain = {};
  double p = 1;  // corrected
};

double value_of(const RunRecord& r, Measure measure) {
  switch (measure) {
    case Measure::bytes:
      return double(r.sent.block.bytes + r.sent.world.bytes);
    case Measure::train_loss:
      return r.train_loss.back();
    case Measure::eigenvalue:
      return r.eigenvalue && r.eigenvalue->is_certain() ? std::log(r.eigenvalue->value) : kNotMeasured;
    case Measure::accuracy:
    case Measure::same_accuracy:
      break;
  }
  return r.last_top1();
}

// Of the runs that have one. The largest eigenvalue of a trained network is positive; another has no logarithm.
std::vector<double> values_of(const Study& study, const std::string& setting, Measure measure) {
  std::vector<double> values;
  for (const RunRecord* r : study.done(study.runs_of(setting)))
    if (const double value = value_of(*r, measure); measure != Measure::eigenvalue || std::isfinite(value))
      values.push_back(value);
  return values;
}

int64_t missing_of(const Study& study, const std::string& setting) {
  const StudySetting& s = study.runs_of(setting);
  if (s.waits) return study.preset.seeds;
  return std::count_if(s.runs.begin(), s.runs.end(), [](const StudyRun& run) { return !run.record; });
}

Comparison compare(const Study& study, const PresetClaim& claim, Measure measure) {
  Comparison c{measure,
               claim.better,
               claim.than,
               values_of(study, claim.better, measure),
               values_of(study, claim.than, measure),
               missing_of(study, claim.better) + missing_of(study, claim.than)};
  if (measure == Measure::bytes) return c;
  if (measure == Measure::eigenvalue)
    c.unmeasured =
        int64_t(study.done(study.runs_of(claim.better)).size() + study.done(study.runs_of(claim.than)).size()) -
        int64_t(c.of_better.size() + c.of_than.size());
  if (measure == Measure::same_accuracy) c.shift = -study.preset.margin;
  const bool lower = measure == Measure::train_loss || measure == Measure::eigenvalue;
  c.gain = welch_test(lower ? c.of_than : c.of_better, lower ? c.of_better : c.of_than, c.shift);
  return c;
}

Finding finding_of(const Comparison& c) {
  if (c.measure == Measure::bytes) {
    if (c.of_better.empty() || c.of_than.empty()) return Finding::undecided;
    return summary_of(c.of_better).mean < summary_of(c.of_than).mean ? Finding::supported : Finding::not_supported;
  }
  if (c.missing + c.unmeasured > 0 || !(c.p < kSignificant)) return Finding::undecided;
  return c.gain.difference > c.shift ? Finding::supported : Finding::not_supported;
}

std::string sample(const std::string& setting, const std::vector<double>& values, int digits) {
  const Summary s = summary_of(values);
  if (s.n == 0) return fmt::format("{} has no run", setting);
  const std::string deviation = s.n > 1 ? fmt::format(" ± {:.{}f}", s.deviation, digits) : "";
  return fmt::format("{} {:.{}f}{} ({})", setting, s.mean, digits, deviation, s.n);
}

// "eigenvalue: a 3.1 (3), b 9.6 (3); ratio 0.32 (95 %: 0.21 to 0.5), p = 0.01", means of logarithms.
std::string describe_eigenvalues(const Comparison& c) {
  const auto of = [](const std::string& setting, const std::vector<double>& logarithms) {
    if (logarithms.empty()) return fmt::format("{} has none", setting);
    return fmt::format("{} {:.3g} ({})", setting, std::exp(summary_of(logarithms).mean), logarithms.size());
  };
  std::string text = fmt::format("largest eigenvalue: {}, {}", of(c.better, c.of_better), of(c.than, c.of_than));
  if (c.missing > 0) text += fmt::format("; {} missing", counted(c.missing, "run"));
  if (c.unmeasured > 0)
    text += fmt::format(
        "; {} without an eigenvalue, or with one whose residual is above a tenth of it (skein reproduce measures those "
        "that "
        "have none, where their folders are)",
        counted(c.unmeasured, "run"));
  if (c.of_better.size() < 2 || c.of_than.size() < 2) return text + "; a test needs 2 runs of both";
  if (!std::isfinite(c.gain.p)) return text + "; runs that are all equal cannot be tested";
  return text + fmt::format("; ratio {:.3g} (95 %: {:.3g} to {:.3g}), p = {:.2g}", std::exp(-c.gain.difference),
                            std::exp(-c.gain.high), std::exp(-c.gain.low), c.p);
}

std::string describe(const Comparison& c) {
  if (c.measure == Measure::eigenvalue) return describe_eigenvalues(c);
  if (c.measure == Measure::bytes) {
    const double a = summary_of(c.of_better).mean * 1e-6, b = summary_of(c.of_than).mean * 1e-6;
    if (!std::isfinite(a) || !std::isfinite(b)) return "bytes: a setting has no run";
    return fmt::format("{} sends {:.1f} MB, {} {:.1f} MB", c.better, a, c.than, b);
  }
  const bool loss = c.measure == Measure::train_loss;
  const int digits = loss ? 4 : 2;
  std::string text = fmt::format("{}: {}, {}", loss ? "training loss" : "test accuracy %",
                                 sample(c.better, c.of_better, digits), sample(c.than, c.of_than, digits));
  if (c.missing > 0) text += fmt::format("; {} missing", counted(c.missing, "run"));
  if (c.of_better.size() < 2 || c.of_than.size() < 2) return text + "; a test needs 2 runs of both";
  if (!std::isfinite(c.gain.p)) return text + "; runs that are all equal cannot be tested";
  if (c.measure == Measure::same_accuracy) text += fmt::format("; tested against {:+.2f}", c.shift);
  const double low = loss ? -c.gain.high : c.gain.low, high = loss ? -c.gain.low : c.gain.high;
  return text + fmt::format("; difference {:+.{}f} (95 %: {:+.{}f} to {:+.{}f}), p = {:.2g}",
                            loss ? -c.gain.difference : c.gain.difference, digits, low, digits, high, digits, c.p);
}

ClaimVerdict verdict_of(const PresetClaim& claim, const std::vector<Comparison>& comparisons) {
  if (!claim.needs.empty()) return {claim.text, Finding::undecided, claim.needs};
  ClaimVerdict verdict{claim.text, Finding::supported, ""};
  std::vector<std::string> evidence;
  for (const Comparison& c : comparisons) {
    const Finding finding = finding_of(c);
    if (finding == Finding::not_supported || verdict.finding == Finding::supported) verdict.finding = finding;
    evidence.push_back(describe(c));
  }
  verdict.evidence = fmt::format("{}", fmt::join(evidence, "; "));
  return verdict;
}

}  // namespace

std::vector<ClaimVerdict> judge(const Study& study) {
  std::vector<std::vector<Comparison>> by_claim;
  std::vector<double*> tested;
  for (const PresetClaim& claim : study.preset.claims) {
    by_claim.emplace_back();
    for (const Measure measure : claim.measures) by_claim.back().push_back(compare(study, claim, measure));
  }
  std::vector<double> p;
  for (auto& comparisons : by_claim)
    for (Comparison& c : comparisons)
      if (std::isfinite(c.gain.p)) {
        tested.push_back(&c.p);
        p.push_back(c.gain.p);
      }
  const std::vector<double> corrected = holm(p);
  for (size_t i = 0; i < tested.size(); ++i) *tested[i] = corrected[i];
  std::vector<ClaimVerdict> verdicts;
  for (size_t i = 0; i < by_claim.size(); ++i) verdicts.push_back(verdict_of(study.preset.claims[i], by_claim[i]));
  return verdicts;
}

}  // namespace skein
