// Compares the output of a case with its reference.
#pragma once

#include <gtest/gtest.h>

#include <cmath>

#include "cases/op_case.h"

namespace skein {

inline void expect_close(const Output& out, const Numbers& expected) {
  const Numbers actual = to_numbers(out.actual);
  ASSERT_EQ(actual.size(), expected.size()) << out.name;
  double scale = 0, worst = 0;
  size_t where = 0;
  for (const double e : expected) scale = std::max(scale, std::abs(e));
  for (size_t i = 0; i < actual.size(); ++i) {
    const double error = std::abs(actual[i] - expected[i]);
    if (!(error <= worst)) worst = error, where = i;  // a NaN is the worst of all
  }
  EXPECT_LE(worst, out.tolerance * scale)
      << out.name << "[" << where << "] is " << actual[where] << ", not " << expected[where];
}

inline void expect_close(const Output& out) { expect_close(out, out.expected()); }

// Names in GoogleTest consist of letters and digits.
inline std::string test_name(std::string name) {
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

}  // namespace skein
