// The maps of Winograd's F(4,3) along one axis: 4 outputs of a 3-tap filter w on 6 inputs x by 6 multiplications,
//   y = A'((G w) . (B' x))        and for the gradient of w        dw = G'((A dy) . (B' x))
// interpolated at 0, +-a, +-b and infinity with a^2 = 1/2, b^2 = 2: next to the usual 1 and 2, a quarter of the error,
// about that of the direct sum. In place on elements v[0], v[s], v[2s] ...
#pragma once

#include "kernels/cpu/conv/gemm.h"

namespace skein::cpu {
namespace {

constexpr int kOut = 4, kIn = 6;

template <class Isa>
struct Maps {
  using V = typename Isa::Vector;
  static constexpr float a = 0.70710678118654752f, b = 1.41421356237309505f;
  static constexpr float na = -2.0f / 3, nb = 1.0f / 6;  // 1 / product of the distances to the other points

  [[gnu::always_inline]] static inline V add(V y, float k, V x) { return Isa::fma(V{} + k, x, y); }

  [[gnu::always_inline]] static inline void input(V* v, int s) {  // B' : 6 -> 6
    const V d1 = v[s], d2 = v[2 * s], d3 = v[3 * s], d4 = v[4 * s];
    const V even_a = add(d4, -2, d2), odd_a = add(d3, -2, d1) * a, even_b = add(d4, -0.5f, d2);
    const V odd_b = add(d3, -0.5f, d1) * b;
    v[0] = add(d4, -2.5f, d2) + v[0];
    v[5 * s] = add(d1, -2.5f, d3) + v[5 * s];
    v[s] = even_a + odd_a, v[2 * s] = even_a - odd_a;
    v[3 * s] = even_b + odd_b, v[4 * s] = even_b - odd_b;
  }
  [[gnu::always_inline]] static inline void output(V* v, int s) {  // A' : 6 -> 4
    const V sum_a = v[s] + v[2 * s], sum_b = v[3 * s] + v[4 * s];
    const V difference_a = (v[s] - v[2 * s]) * a, difference_b = (v[3 * s] - v[4 * s]) * b;
    v[0] = v[0] + (sum_a + sum_b);
    v[s] = difference_a + difference_b;
    v[2 * s] = add(sum_b * 2, 0.5f, sum_a);
    v[3 * s] = add(add(v[5 * s], 0.5f, difference_a), 2, difference_b);
  }
  [[gnu::always_inline]] static inline void gradient(V* v, int s) {  // A : 4 -> 6
    const V d0 = v[0], d1 = v[s], d2 = v[2 * s], d3 = v[3 * s];
    const V even_a = add(d0, 0.5f, d2), odd_a = add(d1, 0.5f, d3) * a;
    const V even_b = add(d0, 2, d2), odd_b = add(d1, 2, d3) * b;
    v[s] = even_a + odd_a, v[2 * s] = even_a - odd_a;
    v[3 * s] = even_b + odd_b, v[4 * s] = even_b - odd_b, v[5 * s] = d3;
  }
  [[gnu::always_inline]] static inline void weights(V* v, int s) {  // G : 3 -> 6
    const V w0 = v[0], w1 = v[s], w2 = v[2 * s];
    const V even_a = add(w0, 0.5f, w2) * na, odd_a = w1 * (a * na), even_b = add(w0, 2, w2) * nb, odd_b = w1 * (b * nb);
    v[s] = even_a + odd_a, v[2 * s] = even_a - odd_a;
    v[3 * s] = even_b + odd_b, v[4 * s] = even_b - odd_b, v[5 * s] = w2;
  }
  [[gnu::always_inline]] static inline void weight_gradient(V* v, int s) {  // G' : 6 -> 3
    const V sum_a = (v[s] + v[2 * s]) * na, sum_b = (v[3 * s] + v[4 * s]) * nb;
    const V difference_a = (v[s] - v[2 * s]) * (a * na), difference_b = (v[3 * s] - v[4 * s]) * (b * nb);
    v[0] = v[0] + (sum_a + sum_b);
    v[s] = difference_a + difference_b;
    v[2 * s] = add(add(v[5 * s], 0.5f, sum_a), 2, sum_b);
  }
};

}  // namespace
}  // namespace skein::cpu
