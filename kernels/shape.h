// Dimensions of a dense tensor, without data.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>

#include "base/check.h"

namespace skein {

// N,H,W,C; a shorter list fills from the right: {10} is (1,1,1,10), {128, 10} is (1,1,128,10).
struct Shape {
  std::array<int64_t, 4> dims{1, 1, 1, 1};
  Shape() = default;
  Shape(std::initializer_list<int64_t> d) {
    CHECK(d.size() <= 4, "a shape has at most 4 dimensions, not {}", d.size());
    std::copy(d.begin(), d.end(), dims.end() - std::ptrdiff_t(d.size()));
  }
  int64_t numel() const { return dims[0] * dims[1] * dims[2] * dims[3]; }
  int64_t operator[](int i) const { return dims[size_t(i)]; }
  bool operator==(const Shape&) const = default;
};

}  // namespace skein
