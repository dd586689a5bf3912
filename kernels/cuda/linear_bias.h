// Parts of a fully connected layer that a matrix product does not compute: y (N,O), dy (N,O), b and db (O), f32.
//
//   bias_add    y[n,o] += b[o]        column_sum    db[o] = sum over n of dy[n,o]
#pragma once

#include "kernels/view.h"

namespace skein::cuda {

using BiasAdd = void(Stream, View b, View y);
using ColumnSum = void(Stream, View dy, View db);
BiasAdd bias_add;
ColumnSum column_sum;

}  // namespace skein::cuda
