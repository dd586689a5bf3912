// A rectangle of pixels: rows top .. top + height - 1, columns left .. left + width - 1. An empty one has height or
// width 0. A tensor of n boxes is i32 (n,4) in the order of the members.
#pragma once

#include <cstdint>

namespace skein {

struct Box {
  int32_t top = 0, left = 0, height = 0, width = 0;
  int64_t area() const { return int64_t{height} * width; }
  bool operator==(const Box&) const = default;
};

}  // namespace skein
