// Synchronisation of the workers' models: algorithm 1's average, and what stands in its place with compression
// (algorithms 3 and 4) or an outer momentum. K ranks, parameters w_k, consensus c:
//
//   neither of both  w_k = mean over k of w_k                                                     (algorithm 1)
//   otherwise        Delta = mean over k of (c - w_k), compressed or not (local_sgd/compressor.h);
//                    c = c - Delta, or an outer step along Delta (local_sgd/outer_step.h);   w_k = c
//   one rank         nothing happens, to the bit, whatever the settings
//
// Momentum v_k of the local steps stays the worker's own. c is the last common value of the ranks of one communicator;
// block and world averaging (algorithm 5) each keep their own. All are flat f32 vectors of the parameters' size.
// Source: Lin, Stich, Patel, Jaggi, "Don't Use Large Mini-Batches, Use Local SGD", arXiv 1808.07217.
#pragma once

#include <memory>

#include "local_sgd/compressor.h"
#include "local_sgd/outer_step.h"

namespace skein {

class ModelAverager {
 public:
  // The ranks' parameters are equal here, since all are drawn from one seed or loaded from one checkpoint: the
  // consensus starts as their value. The compressor may be null: f32 travels.
  ModelAverager(ParameterStore&, std::unique_ptr<Compressor>, OuterMomentum, Queue);
  void average(Communicator&);  // collective; PeerLost as the transport throws it
  // The same weights were loaded into all workers: they are the consensus now.
  void reset_consensus();
  // consensus, outer momentum and the compressor's error memory, where there are any, by name: for checkpoints.
  std::vector<NamedTensor> state();

 private:
  ParameterStore& parameters_;
  std::unique_ptr<Compressor> compressor_;
  OuterStep outer_;
  Queue queue_;
  Tensor consensus_, delta_;  // undefined where the form above does not need them
};

}  // namespace skein
