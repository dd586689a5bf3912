#include "kernels/device/conv_plan.h"

#include <mutex>

#include "base/check.h"

namespace skein::cuda {
namespace {

std::mutex options_mutex;
ConvOptions process_options;

const char* pass_name(ConvPass pass) {
  const char* const names[] = {"forward", "backward_data", "backward_weights"};
  return names[size_t(pass)];
}

}  // namespace

ConvProblem conv_problem(ConvPass pass, View x, View w, ConvGeometry g, View y) {
  const ConvProblem p{pass,      x.dtype,   x.dims[0], x.dims[1], x.dims[2],
                      x.dims[3], w.dims[0], w.dims[1], g.stride,  g.padding};
  const DType weights = pass == ConvPass::backward_weights ? DType::f32 : x.dtype;
  CHECK((x.dtype == DType::f32 || x.dtype == DType::bf16) && y.dtype == x.dtype && w.dtype == weights,
        "{}: x, y and the weights that are read have one type, f32 or bf16; a weight gradient is f32", name_of(p));
  CHECK(w.dims[1] == w.dims[2] && w.dims[3] == p.c, "{}: weights {}x{}x{}x{}", name_of(p), w.dims[0], w.dims[1],
        w.dims[2], w.dims[3]);
  CHECK(y.dims[0] == p.n && y.dims[1] == p.out_h() && y.dims[2] == p.out_w() && y.dims[3] == p.out,
        "{}: y is {}x{}x{}x{}", name_of(p), y.dims[0], y.dims[1], y.dims[2], y.dims[3]);
  return p;
}

std::string name_of(const ConvProblem& p) {
  return fmt::format("{} {} {}x{}x{}x{}->{} k{} s{} p{}", pass_name(p.pass), p.dtype == DType::f32 ? "f32" : "bf16",
                     p.n, p.h, p.w, p.c, p.out, p.kernel, p.stride, p.padding);
}

ConvOptions conv_options() {
  const std::lock_guard lock(options_mutex);
  return process_options;
}

void set_conv_options(const ConvOptions& options) {
  const std::lock_guard lock(options_mutex);
  process_options = options;
}

}  // namespace skein::cuda
