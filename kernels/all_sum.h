// The sum over K workers of one device: elements [begin, end) of every view become scale * (((x0 + x1) + x2) + ...),
// added in the order of the list, so all views end with the same bits. f32, all of one size.
// Bytes: every view is read and written once, 8K per element.
#pragma once

#include <span>

#include "kernels/view.h"

namespace skein {

using SumToAll = void(Stream, std::span<const View> all, int64_t begin, int64_t end, float scale);
// The same sum into one view `to` of the views' size, which may be one of them. Bytes: 4(K+1) per element.
using SumToOne = void(Stream, std::span<const View> all, float scale, View to);

namespace cpu {
SumToAll sum_to_all;
SumToOne sum_to_one;
}  // namespace cpu
namespace cuda {
SumToAll sum_to_all;
SumToOne sum_to_one;
}  // namespace cuda

}  // namespace skein
