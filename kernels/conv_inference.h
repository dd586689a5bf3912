// A convolution with what follows it where batch norm has been folded into its weights:
//
//   y = max(0, conv(x, w) + bias)          bias (O), of the type of x; the rest as in kernels/conv.h
#pragma once

#include "kernels/conv.h"

namespace skein {

using ConvBiasRelu = void(Stream, View x, View w, View bias, ConvGeometry, View y);

namespace cpu {
ConvBiasRelu conv_bias_relu;
}  // namespace cpu
namespace cuda {
ConvBiasRelu conv_bias_relu;
}  // namespace cuda

}  // namespace skein
