// What lies between the contract of conv.h and the implementations on a CPU: a shape that has been checked, and a
// function that computes one direction of it or says that the shape does not suit. Plain enough to be included by files
// that are compiled for one instruction set: nothing here may emit code that the linker could share.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace skein::cpu {

enum class ConvPass : int { forward, backward_data, backward_weights };

struct ConvShape {
  int64_t n, h, w, c;  // x
  int64_t oh, ow, o;   // y
  int64_t k, s, p;     // kernel, stride, padding
};

// `in` and `out` are x, w -> y; dy, w -> dx; x, dy -> dw.
struct ConvOperands {
  const float* in[2];
  float* out;
};

struct ConvImplementation {
  const char* name;
  bool (*suits)(ConvPass, const ConvShape&);
  void (*run)(ConvPass, const ConvShape&, const ConvOperands&);
};

// Memory of the calling thread, 64-byte aligned, valid until the thread asks again; grows, never shrinks.
void* conv_scratch(size_t bytes);

extern const ConvImplementation kConvOneDnn, kConvAvx2, kConvAvx2Winograd, kConvAvx512, kConvAvx512Winograd;

}  // namespace skein::cpu
