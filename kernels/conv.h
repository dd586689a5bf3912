// 2-d convolution, square kernel k, stride s, padding p on every side, no bias, no dilation, no groups:
//
//   y[n,h,w,o]   = sum_{i,j,c} x[n, h*s+i-p, w*s+j-p, c] * w[o,i,j,c]          (x is zero outside the image)
//   dx[n,a,b,c]  = sum over all (h,w,o,i,j) with h*s+i-p = a, w*s+j-p = b of dy[n,h,w,o] * w[o,i,j,c]
//   dw[o,i,j,c]  = sum_{n,h,w} dy[n,h,w,o] * x[n, h*s+i-p, w*s+j-p, c]
//
// x (N,H,W,C), w (O,k,k,C), y (N,H',W',O) with H' = (H + 2p - k)/s + 1; dy is shaped like y, dx like x, dw like w. All
// are f32, or all but dw bf16; dw is f32 always. Outputs are overwritten.
// Flops: 2*N*H'*W'*O*k*k*C each (fewer are needed at the padding). Bytes: each operand is moved once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/kernel.h"

namespace skein {

struct ConvGeometry {
  int64_t stride = 1, padding = 0;
  int64_t out(int64_t in, int64_t kernel) const { return (in + 2 * padding - kernel) / stride + 1; }
};

using ConvForward = void(Stream, View x, View w, ConvGeometry, View y);
using ConvBackwardData = void(Stream, View dy, View w, ConvGeometry, View dx);
using ConvBackwardWeights = void(Stream, View x, View dy, ConvGeometry, View dw);

// The implementation that computes a layer. Rounding differs between implementations: a run that is to be repeated bit
// by bit must repeat the choices.
struct ConvChoice {
  std::string layer;           // "forward 32x32 16->16 k3 s1 p1"
  std::string implementation;  // "avx2-winograd"
};

namespace kernel {
// Every pass multiplies each number of y (or dy) with one filter of w (or dw).
inline double conv_flops(View y, View w) { return 2.0 * double(y.numel()) * double(w.numel() / w.dims[0]); }

inline Cost conv_forward_cost(View x, View w, ConvGeometry, View y) {
  return {.bytes = each_once(x, w, y).bytes, .flops = conv_flops(y, w)};
}
inline Cost conv_backward_data_cost(View dy, View w, ConvGeometry, View dx) {
  return {.bytes = each_once(dy, w, dx).bytes, .flops = conv_flops(dy, w)};
}
inline Cost conv_backward_weights_cost(View x, View dy, ConvGeometry, View dw) {
  return {.bytes = each_once(x, dy, dw).bytes, .flops = conv_flops(dy, dw)};
}
}  // namespace kernel

SKEIN_KERNEL(conv_forward, ConvForward, conv_forward_cost);
SKEIN_KERNEL(conv_backward_data, ConvBackwardData, conv_backward_data_cost);
SKEIN_KERNEL(conv_backward_weights, ConvBackwardWeights, conv_backward_weights_cost);

namespace cpu {
// The CPU has several implementations: onednn (every shape), avx2, avx2-winograd, avx512, avx512-winograd, and for bf16
// avx512-bf16 and amx (where the processor has the instructions and the shape suits) and amx-portable, which computes
// the bits of amx on any processor, slowly, and only by name. The first call with a layer, a type and a
// direction times those that apply, on its own operands, and the whole process keeps the fastest. bf16 operands are
// widened to f32, but by amx, avx512-bf16 and, on AVX-512, by onednn; sums are f32 in all of them.
std::vector<ConvChoice> conv_choices();                   // made or preset so far, by layer
void set_conv_choices(const std::vector<ConvChoice>&);    // BadInput where this machine has no such implementation
std::vector<std::string> conv_implementations(DType);     // those that this machine can run, for f32 or bf16
void force_conv_implementation(const std::string& name);  // where the shape suits, else onednn; "auto" ends it
}  // namespace cpu
namespace cuda {
// The same for cuDNN: each choice holds a plan and the GPU that it is for, some kilobytes. Empty without a GPU.
std::vector<ConvChoice> conv_choices();
void set_conv_choices(const std::vector<ConvChoice>&);  // those for another GPU or cuDNN are not used
}  // namespace cuda

}  // namespace skein
