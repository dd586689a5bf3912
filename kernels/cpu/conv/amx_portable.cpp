// The convolution of amx.cpp with tiles in plain C++: the same bits on every processor, slowly. Tests of packing, edges
// and tails run it where there is no AMX; a run that was made with AMX can be repeated.
#include "kernels/cpu/conv/portable_tiles.h"
#include "kernels/cpu/conv/tile_passes.h"

namespace skein::cpu {

const ConvImplementation kConvAmxPortable{"amx-portable", tiles_suit, tile_pass<PortableTiles>, true};

}  // namespace skein::cpu
