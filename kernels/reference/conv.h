// Reference for kernels/conv.h: plain loops in double.
#pragma once

#include <vector>

#include "kernels/conv.h"
#include "kernels/shape.h"

namespace skein::reference {

struct Conv {
  Shape x, w;  // (N,H,W,C), (O,k,k,C)
  ConvGeometry g;

  Shape y() const { return {x[0], g.out(x[1], w[1]), g.out(x[2], w[2]), w[0]}; }

  std::vector<double> forward(const std::vector<double>& xs, const std::vector<double>& ws) const;
  std::vector<double> backward_data(const std::vector<double>& dy, const std::vector<double>& ws) const;
  std::vector<double> backward_weights(const std::vector<double>& xs, const std::vector<double>& dy) const;
};

}  // namespace skein::reference
