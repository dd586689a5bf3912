#include "kernels/linear.h"

#include <oneapi/dnnl/dnnl.h>

#include <algorithm>

#include "base/check.h"

namespace skein::cpu {
namespace {

// c (m,n) = beta*c + op(a) op(b), row-major; op is N (none) or T (transposed).
void sgemm(char op_a, char op_b, int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b,
           int64_t ldb, float beta, float* c) {
  const dnnl_status_t status = dnnl_sgemm(op_a, op_b, m, n, k, 1.0f, a, lda, b, ldb, beta, c, n);
  CHECK(status == dnnl_success, "oneDNN's sgemm returned status {}", int(status));
}

void check_shapes(View x, View w, View y) {
  CHECK(x.rows() == y.rows() && w.rows() == y.channels() && w.channels() == x.channels(),
        "x ({},{}), w ({},{}), y ({},{})", x.rows(), x.channels(), w.rows(), w.channels(), y.rows(), y.channels());
}

}  // namespace

void linear_forward(Stream, View x, View w, View b, View y) {
  check_shapes(x, w, y);
  const int64_t rows = x.rows(), in = x.channels(), out = y.channels();
  for (int64_t r = 0; r < rows; ++r) std::copy_n(b.as<float>(), out, y.as<float>() + r * out);
  sgemm('N', 'T', rows, out, in, x.as<float>(), in, w.as<float>(), in, 1.0f, y.as<float>());
}

void linear_backward_data(Stream, View dy, View w, View dx) {
  check_shapes(dx, w, dy);
  const int64_t rows = dx.rows(), in = dx.channels(), out = dy.channels();
  sgemm('N', 'N', rows, in, out, dy.as<float>(), out, w.as<float>(), in, 0.0f, dx.as<float>());
}

void linear_backward_weights(Stream, View x, View dy, View dw, View db) {
  check_shapes(x, dw, dy);
  const int64_t rows = x.rows(), in = x.channels(), out = dy.channels();
  sgemm('T', 'N', out, in, rows, dy.as<float>(), out, x.as<float>(), in, 0.0f, dw.as<float>());
  float* bias = db.as<float>();
  std::fill_n(bias, out, 0.0f);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t o = 0; o < out; ++o) bias[o] += dy.as<float>()[r * out + o];
}

}  // namespace skein::cpu
