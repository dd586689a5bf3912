// Reference for kernels/quantise.h: plain loops in double, one block after another. A code is taken from the quotient
// in f32, as a rounding of a rounding differs where the quotient is nearly half an integer.
#pragma once

#include <bit>
#include <cmath>
#include <vector>

#include "kernels/quantise.h"

namespace skein::reference {

struct Quantised {
  using Numbers = std::vector<double>;
  Quantiser q;

  double scale(const Numbers& block) const {
    double largest = 0, sum = 0, above = 0, count = 0;
    for (const double x : block) largest = std::max(largest, std::abs(x)), sum += std::abs(x);
    if (q.bits > 2) return largest / (q.bits == 8 ? 127 : 7);
    for (const double x : block)
      if (std::abs(x) >= 0.75 * sum / double(block.size())) above += std::abs(x), ++count;
    return above / count;
  }
  double code(double x, float s) const {
    const double levels = q.bits == 8 ? 127 : q.bits == 4 ? 7 : 1;
    return s == 0 ? 0 : std::max(-levels, std::min(levels, std::nearbyint(double(float(x / double(s))))));
  }

  // The rows' words as signed integers.
  Numbers message(Numbers d) const {
    d.resize(size_t(q.blocks(int64_t(d.size())) * q.block));
    Numbers all;
    for (size_t first = 0; first < d.size(); first += size_t(q.block)) {
      const Numbers block(d.begin() + int64_t(first), d.begin() + int64_t(first) + q.block);
      const float s = float(scale(block));
      all.push_back(double(std::bit_cast<int32_t>(s)));
      const size_t words = size_t(q.words()) - 1;
      for (size_t w = 0; w < words; ++w) {
        uint32_t word = 0;
        for (size_t i = w, at = 0; i < block.size(); i += words, at += size_t(q.bits))
          word |= (uint32_t(int32_t(code(block[i], s))) & ((1u << q.bits) - 1)) << at;
        all.push_back(double(int32_t(word)));
      }
    }
    return all;
  }

  // What arrives of d.
  Numbers decoded(const Numbers& d) const {
    Numbers out;
    for (size_t first = 0; first < d.size(); first += size_t(q.block)) {
      Numbers block(d.begin() + int64_t(first), d.begin() + int64_t(std::min(d.size(), first + size_t(q.block))));
      const size_t count = block.size();
      block.resize(size_t(q.block));
      const float s = float(scale(block));
      for (size_t i = 0; i < count; ++i) out.push_back(code(block[i], s) * double(s));
    }
    return out;
  }
};

}  // namespace skein::reference
