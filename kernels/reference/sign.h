// Reference for kernels/sign.h: plain loops in double, one segment after another.
#pragma once

#include <cmath>
#include <vector>

#include "kernels/sign.h"

namespace skein::reference {

struct Sign {
  using Numbers = std::vector<double>;
  std::vector<SignSegment> segments;

  Numbers scales(const Numbers& d) const {
    Numbers out;
    for (const SignSegment& s : segments) {
      double sum = 0;
      for (int64_t i = 0; i < s.count; ++i) sum += std::abs(d[size_t(s.begin + i)]);
      out.push_back(sum / double(s.count));
    }
    return out;
  }

  // Bits in the order of the stream: 1 for a negative number, for a zero a draw.
  Numbers bits(const Numbers& d, const SignTies& ties) const {
    Numbers out;
    for (const SignSegment& s : segments)
      for (int64_t i = 0; i < s.count; ++i) {
        const double x = d[size_t(s.begin + i)];
        const uint64_t bit = out.size();
        const bool drawn = (ties.word(int64_t(bit / 32)) >> bit % 32 & 1) != 0;
        out.push_back(x < 0 || (x == 0 && drawn) ? 1 : 0);
      }
    return out;
  }

  // Decoded numbers of one rank: scale * sign, zero between the segments.
  Numbers decode(const Numbers& bits, const Numbers& scales, size_t size) const {
    Numbers out(size);
    for (size_t s = 0; s < segments.size(); ++s)
      for (int64_t i = 0; i < segments[s].count; ++i)
        out[size_t(segments[s].begin + i)] = scales[s] * (bits[size_t(segments[s].bit + i)] != 0 ? -1 : 1);
    return out;
  }

  Numbers mean(const std::vector<Numbers>& bits, const std::vector<Numbers>& scales, size_t size) const {
    Numbers out(size);
    for (size_t k = 0; k < bits.size(); ++k) {
      const Numbers one = decode(bits[k], scales[k], size);
      for (size_t i = 0; i < size; ++i) out[i] += one[i] / double(bits.size());
    }
    return out;
  }

  Numbers mean_of_means(const std::vector<Numbers>& bits, const std::vector<Numbers>& scales, size_t size) const {
    Numbers scale(segments.size()), sign(size);
    for (size_t k = 0; k < bits.size(); ++k) {
      const Numbers q = decode(bits[k], Numbers(segments.size(), 1.0), size);
      for (size_t s = 0; s < scale.size(); ++s) scale[s] += scales[k][s] / double(bits.size());
      for (size_t i = 0; i < size; ++i) sign[i] += q[i] / double(bits.size());
    }
    const Numbers positive = decode(Numbers(bits[0].size()), scale, size);
    for (size_t i = 0; i < size; ++i) sign[i] *= positive[i];
    return sign;
  }
};

}  // namespace skein::reference
