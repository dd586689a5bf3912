// Interface between kernels/conv.h and the CPU implementations: a checked shape, a function that says whether a shape
// is supported, and one that computes a pass. Tensors are dense, images (N,H,W,C), weights (O,k,k,C); f32, or with
// `bf16` all of them but dw, which is f32 always. Included by files that are compiled for one instruction set: nothing
// here may emit code that the linker could merge.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/conv_pass.h"

namespace skein::cpu {

struct ConvShape {
  int64_t n, h, w, c;  // x
  int64_t oh, ow, o;   // y
  int64_t k, s, p;     // kernel, stride, padding
  bool bf16 = false;
};

// `in` and `out` by pass: forward x, w -> y; backward data dy, w -> dx; backward weights x, dy -> dw.
struct ConvOperands {
  const void* in[2];
  void* out;
};

struct ConvImplementation {
  const char* name;
  bool (*suits)(ConvPass, const ConvShape&);
  void (*run)(ConvPass, const ConvShape&, const ConvOperands&);
  bool bf16_only = false;
};

// Scratch memory of the calling thread, 64-byte aligned, valid until the thread's next call. It never shrinks.
void* conv_scratch(size_t bytes);

extern const ConvImplementation kConvOneDnn, kConvAvx2, kConvAvx2Winograd, kConvAvx512, kConvAvx512Winograd,
    kConvAvx512Bf16, kConvAmx, kConvAmxPortable, kConvAmxPortable512;

}  // namespace skein::cpu
