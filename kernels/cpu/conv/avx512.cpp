// Direct and Winograd convolution for AVX-512. Compiled with -mavx512f -mavx512vl -mavx512dq -mavx512bw -mfma: call
// only on processors that have them all.
#include "kernels/cpu/conv/avx512.h"

#include "kernels/cpu/conv/direct.h"
#include "kernels/cpu/conv/winograd.h"

namespace skein::cpu {

const ConvImplementation kConvAvx512{"avx512", direct_suits, direct_run<Avx512>};
const ConvImplementation kConvAvx512Winograd{"avx512-winograd", winograd_suits, winograd_run<Avx512>};

}  // namespace skein::cpu
