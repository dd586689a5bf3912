#include "kernels/gather.h"

namespace skein::cpu {

void gather(Stream, View from, View index, View out) {
  const auto *source = from.as<const int32_t>(), *at = index.as<const int32_t>();
  for (int64_t i = 0; i < out.numel(); ++i) out.as<int32_t>()[i] = source[at[i]];
}

}  // namespace skein::cpu
