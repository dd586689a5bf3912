// Elements of CPU kernels: f32, or bf16 with arithmetic in f32. A loop is written once for an element type T, float or
// Bf16 (kernels/dispatch.h): it reads with widen(x[i]), computes in f32 and writes with put(y[i], value), which rounds
// once. It reads each operand whatever the values are: clang++ does not vectorise a loop with a conditional load of
// less than 32 bits. Such loops are static members of a class template, one for each file: clang++ compiles no function
// template once per instruction set (SKEIN_SIMD), and it exports its resolver by name.
#pragma once

#include "base/bf16.h"
#include "kernels/dispatch.h"

namespace skein::cpu {

[[gnu::always_inline]] inline float widen(float v) { return v; }
[[gnu::always_inline]] inline float widen(Bf16 v) { return to_f32(v); }
[[gnu::always_inline]] inline void put(float& to, float v) { to = v; }
[[gnu::always_inline]] inline void put(Bf16& to, float v) { to = to_bf16(v); }

// c ? a : b, bit for bit. Compilers make a branch of a conditional expression between two objects.
[[gnu::always_inline]] inline float choose(bool c, float a, float b) { return c ? a : b; }
[[gnu::always_inline]] inline Bf16 choose(bool c, Bf16 a, Bf16 b) { return {c ? a.bits : b.bits}; }

}  // namespace skein::cpu
