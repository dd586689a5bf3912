// Verdicts: whether the runs of a preset bear out its claims.
//
// Accuracy and training loss, after the last epoch and of the averaged model, are compared by Welch's t test
// (base/statistics/welch_test.h) with the seeds as samples; the p of all tests of a preset are corrected together
// (Holm). A claim is supported where each of its measures is significantly on its side, at p < 0.05; not supported
// where one is significantly on the other side; else undecided. A test needs two runs of both settings, and decides
// nothing before all planned runs of both are done: a test that is looked at after every run finds too much. Same
// accuracy: the difference is tested against the preset's margin. Bytes need no test: they do not depend on chance.
// Eigenvalues are tested by their logarithms, whose differences are ratios; a run without one, or with one that is not
// certain (apps/reproduce/run_eigenvalue.h), is missing.
#pragma once

#include <string>
#include <vector>

#include "apps/reproduce/study.h"
#include "base/enum_names.h"

namespace skein {

enum class Finding : uint8_t { supported, not_supported, undecided };
constexpr auto names_of(Finding) { return std::array{"supported", "not supported", "undecided"}; }

struct ClaimVerdict {
  std::string text;
  Finding finding = Finding::undecided;
  std::string evidence;
};

std::vector<ClaimVerdict> judge(const Study& study);

}  // namespace skein
