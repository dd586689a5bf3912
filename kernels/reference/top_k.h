// Reference for kernels/top_k.h: sorts every block.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "kernels/top_k.h"

namespace skein::reference {

struct Largest {
  using Numbers = std::vector<double>;
  TopK top;

  // Indices of the numbers of d[first, end) that are sent, from first on, ascending.
  std::vector<size_t> sent(const Numbers& d, size_t first, size_t end) const {
    std::vector<size_t> all;
    for (size_t i = first; i < end; ++i) all.push_back(i);
    std::stable_sort(all.begin(), all.end(), [&](size_t a, size_t b) { return std::abs(d[a]) > std::abs(d[b]); });
    all.resize(std::min(all.size(), size_t(top.k)));
    std::sort(all.begin(), all.end());
    return all;
  }

  // The rows' words as signed integers.
  Numbers message(const Numbers& d) const {
    Numbers all;
    for (size_t first = 0; first < d.size(); first += size_t(TopK::kBlock)) {
      std::vector<uint32_t> row(size_t(top.words()));
      size_t place = 0;
      for (const size_t i : sent(d, first, std::min(d.size(), first + size_t(TopK::kBlock)))) {
        for (size_t bit = 0; bit < 12; ++bit) {
          const size_t at = 12 * place + bit;
          row[size_t(top.k) + at / 32] |= uint32_t((i - first) >> bit & 1) << at % 32;
        }
        row[place++] = std::bit_cast<uint32_t>(float(d[i]));
      }
      for (const uint32_t word : row) all.push_back(double(int32_t(word)));
    }
    return all;
  }

  // What arrives of d.
  Numbers decoded(const Numbers& d) const {
    Numbers out(d.size());
    for (size_t first = 0; first < d.size(); first += size_t(TopK::kBlock))
      for (const size_t i : sent(d, first, std::min(d.size(), first + size_t(TopK::kBlock)))) out[i] = d[i];
    return out;
  }
};

}  // namespace skein::reference
