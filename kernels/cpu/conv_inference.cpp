#include "kernels/conv_inference.h"

#include "base/check.h"

namespace skein::cpu {

void conv_bias_relu(Stream stream, View x, View w, View bias, ConvGeometry g, View y) {
  CHECK(bias.numel() == y.channels(), "{} biases for {} channels", bias.numel(), y.channels());
  conv_forward(stream, x, w, g, y);
  const float* b = bias.as<float>();
  float* out = y.as<float>();
  const int64_t rows = y.rows(), channels = y.channels();
#pragma omp parallel for
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < channels; ++c) {
      float& value = out[r * channels + c];
      value += b[c];
      if (!(value > 0)) value = value != value ? value : 0.0f;  // NaN goes through
    }
}

}  // namespace skein::cpu
