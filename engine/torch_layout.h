// Shapes and order of a tensor's numbers in PyTorch. Weights of convolutions are (out, in, kh, kw) there and
// (out, kh, kw, in) in skein; all other tensors are alike.
#pragma once

#include <cstdint>
#include <vector>

namespace skein {

inline std::vector<int64_t> torch_shape(const std::vector<int64_t>& s) {
  return s.size() == 4 ? std::vector<int64_t>{s[0], s[3], s[1], s[2]} : s;
}

// Calls f(index in skein's order, index in PyTorch's order) for every number of a tensor of skein's shape `s`.
template <class F>
void for_torch_order(const std::vector<int64_t>& s, int64_t count, F&& f) {
  const bool filter = s.size() == 4;
  const int64_t pixels = filter ? s[1] * s[2] : 1, in = filter ? s[3] : 1;
  for (int64_t i = 0; i < count; ++i) f(i, filter ? (i / (pixels * in) * in + i % in) * pixels + i / in % pixels : i);
}

}  // namespace skein
