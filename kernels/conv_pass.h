// The three passes of a convolution: y, dx and dw.
#pragma once

namespace skein {

enum class ConvPass : unsigned char { forward, backward_data, backward_weights };

}  // namespace skein
