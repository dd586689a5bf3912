// Plans of cuDNN for convolutions: for the GPU at hand while training, and with the same code for a GPU that is only
// described (skein plan). No vendor's header here; kernels/conv.h has the formulas.
#pragma once

#include <compare>
#include <memory>
#include <string>

#include "kernels/conv.h"
#include "kernels/conv_pass.h"

namespace skein::cuda {

// One pass of a layer. A gradient takes the place of its value: dy is shaped like y. dtype is that of x, y and the
// weights that are read; a weight gradient is f32 always.
struct ConvProblem {
  ConvPass pass = ConvPass::forward;
  DType dtype = DType::f32;
  int64_t n = 1, h = 1, w = 1, c = 1;                    // x
  int64_t out = 1, kernel = 1, stride = 1, padding = 0;  // weights (out, kernel, kernel, c)
  int64_t out_h() const { return ConvGeometry{stride, padding}.out(h, kernel); }
  int64_t out_w() const { return ConvGeometry{stride, padding}.out(w, kernel); }
  auto operator<=>(const ConvProblem&) const = default;
};
ConvProblem conv_problem(ConvPass, View x, View w, ConvGeometry, View y);  // CHECKs that the views fit together
std::string name_of(const ConvProblem&);                                   // "forward bf16 128x32x32x16->16 k3 s1 p1"

struct ConvOptions {
  bool deterministic = true;  // only engines that give the same bits every time
  bool tf32 = false;          // f32 products may be rounded to TF32 (10 bits) for the tensor cores
  bool measured = false;      // time every engine on the first call with a shape; else cuDNN's heuristics choose
  size_t workspace = size_t(256) << 20;  // upper bound of one convolution's workspace, bytes
  auto operator<=>(const ConvOptions&) const = default;
};
ConvOptions conv_options();  // of the process; a change applies from the next call on
void set_conv_options(const ConvOptions&);

struct ConvPlanInfo {
  int offered = 0, allowed = 0;  // engine configurations: all of cuDNN's, and those that the options allow
  int64_t engine = 0;            // cuDNN's number of the chosen one
  size_t workspace = 0;          // bytes, with the scratch of a cast
  bool tensor_cores = false, deterministic = true, winograd = false;
  bool run_time_compiled = false;  // the first call with a shape takes about a second to compile
  bool cast = false;               // the weight gradient is computed in bf16 and cast to f32
};

std::string device_description();  // of the GPU at hand, in the form that ConvPlanner reads

// Plans for a GPU described by cuDNN's 23 keys of JSON (apps/plan/gpu_model.h). BadInput without cuDNN, or if cuDNN
// refuses the description.
class ConvPlanner {
 public:
  explicit ConvPlanner(const std::string& device_json);
  ~ConvPlanner();
  ConvPlanInfo plan(const ConvProblem&, const ConvOptions&) const;  // BadInput with cuDNN's reason if nothing suits
  std::string cudnn_version() const;                                // "9.19.0"
  // False without a driver: engines that are compiled at run time are left out.
  bool compiles() const;

 private:
  struct Device;
  std::unique_ptr<Device> device_;
};

}  // namespace skein::cuda
