// Direct convolution of bf16 operands for AVX512_BF16: vdpbf16ps multiplies pairs of bf16 numbers and adds both
// products in f32. Denormal operands and results count as zero, whatever MXCSR says. Compiled with -mavx512bf16 besides
// the options of avx512.cpp: call only on processors that have it.
#include "kernels/cpu/conv/avx512.h"
#include "kernels/cpu/conv/direct.h"

namespace skein::cpu {

namespace {

struct Avx512Bf16 : Avx512 {
  static constexpr int kPerWord = 2;
  typedef int Word [[gnu::may_alias]];  // two numbers of an operand
  static Vector broadcast(const float* p) {
    return _mm512_castsi512_ps(_mm512_set1_epi32(*reinterpret_cast<const Word*>(p)));
  }
  static Vector fma(Vector a, Vector b, Vector c) { return _mm512_dpbf16_ps(c, (__m512bh)a, (__m512bh)b); }
};

bool suits(ConvPass pass, const ConvShape& s) { return s.bf16 && direct_suits(pass, s); }

}  // namespace

const ConvImplementation kConvAvx512Bf16{"avx512-bf16", suits, direct_pass<Avx512Bf16, Bf16>, true};

}  // namespace skein::cpu
