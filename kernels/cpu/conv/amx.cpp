// Convolution of bf16 operands on AMX, and the same with portable tiles but AVX-512's packing. Compiled with the options
// of avx512.cpp: call only on processors that have AVX-512, the first only on those that have amx_bf16.
#include "kernels/cpu/conv/portable_tiles.h"
#include "kernels/cpu/conv/tile_passes.h"
#include "kernels/cpu/dialect/amx_tiles.h"

namespace skein::cpu {
namespace {

struct PackingTiles : PortableTiles {
  static void copy(Bf16* to, const Bf16* from, int64_t n, int64_t width) { AmxTiles::copy(to, from, n, width); }
  static void pair(char* to, const Bf16* a, int64_t na, const Bf16* b, int64_t nb) { AmxTiles::pair(to, a, na, b, nb); }
  static void transpose(const char* from, char* to) { AmxTiles::transpose(from, to); }
};

}  // namespace

const ConvImplementation kConvAmx{"amx", tiles_suit, tile_pass<AmxTiles>, true};
const ConvImplementation kConvAmxPortable512{"amx-portable", tiles_suit, tile_pass<PackingTiles>, true};

}  // namespace skein::cpu
