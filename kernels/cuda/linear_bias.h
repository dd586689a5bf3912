// Bias of a fully connected layer, which cuBLAS's matrix product leaves out: y (N,O), dy (N,O), b and db (O), all f32.
//
//   bias_add    y[n,o] += b[o]        column_sum    db[o] = sum over n of dy[n,o]
#pragma once

#include "kernels/view.h"

namespace skein::cuda {

void bias_add(Stream, View b, View y);
void column_sum(Stream, View dy, View db);

}  // namespace skein::cuda
