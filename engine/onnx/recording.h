// A forward pass as an ONNX graph. The pass runs once without computing anything (Queue::observer); each kernel that it
// would have run becomes one to three ONNX nodes by the table in recording.cpp. So a model needs no code of its own to
// be exported, and an op needs a row of that table.
//
// The graph computes what evaluation computes: batch norm with the running statistics, dropout is the identity.
#pragma once

#include <functional>

#include "engine/onnx/graph.h"
#include "engine/parameters.h"

namespace skein {

// forward: (N,H,W,C) -> logits (N,1,1,classes) with the parameters of the store, which is built, on the CPU. `image`:
// {height, width, channels}. BadInput names a kernel that has no row.
OnnxGraph record_onnx(const std::function<Var(const Var&)>& forward, const ParameterStore& parameters, Shape image);

// Moves a batch norm that follows a convolution into the convolution's weights and a bias, wherever nothing else reads
// the convolution's result:  w' = w*gamma*rstd,  bias = beta - mean*gamma*rstd,  computed in double and rounded once.
// Returns the number of batch norms that are gone; the others stay.
int64_t fold_batch_norms(OnnxGraph& graph);

}  // namespace skein
