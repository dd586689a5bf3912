// Synchronisation of the workers' models: algorithm 1's average, and what stands in its place with compression
// (algorithms 3 and 4) or an outer momentum. K ranks, parameters w_k, consensus c:
//
//   neither of both  w_k = mean over k of w_k                                                     (algorithm 1)
//   otherwise        Delta = mean over k of (c - w_k), compressed or not (local_sgd/compressor.h);
//                    c = c - Delta, or an outer step along Delta (local_sgd/outer_step.h);   w_k = c
//   one rank         the same rules: without compression and outer step nothing changes, to the bit
//
// Momentum v_k of the local steps stays the worker's own. c is the last common value of the ranks of one communicator.
// Block and world averaging (algorithm 5) each keep their own; after one among all the new model is the blocks'
// consensus, too (reset_consensus()). All are flat f32 vectors of the parameters' size.
// Source: Lin, Stich, Patel, Jaggi, "Don't Use Large Mini-Batches, Use Local SGD", arXiv 1808.07217.
#pragma once

#include <limits>
#include <memory>

#include "local_sgd/compressor.h"
#include "local_sgd/outer_step.h"

namespace skein {

// One averaging: what depends on the worker and on the step after which it takes place.
struct AveragingRound {
  SignTies ties = {};      // draws of a compressor
  double rate = 1;         // learning rate of the last local step
  bool outer_step = true;  // false: the mean alone, without the outer step
  bool measured = true;    // false: norms() are NaN after it
};

// Squared norms that ModelAverager::measure() asks for, as f32 in this order on the device. NaN: not known.
struct AveragingNorms {
  float delta = std::numeric_limits<float>::quiet_NaN();  // |c - w_k|^2, c the consensus before
  float mean_delta = delta;                               // |mean over k of (c - w_k)|^2; not with a compressor
  float distance = delta;                                 // |w_k - c'|^2, w_k before and c' the consensus after
  float error = delta;                                    // |e_k|^2 after, of the compressor's error memory
};

class ModelAverager {
 public:
  // The ranks' parameters are equal here, since all are drawn from one seed or loaded from one checkpoint: the
  // consensus starts as their value. The compressor may be null: f32 travels.
  ModelAverager(ParameterStore&, std::unique_ptr<Compressor>, OuterMomentum, Queue);
  void average(Communicator&, const AveragingRound&);  // collective; PeerLost as the transport throws it
  // The parameters are equal on all ranks now: they are the consensus.
  void reset_consensus();
  // From now on every averaging with AveragingRound::measured computes norms(). It keeps a consensus and one more vector for that, and changes no bit
  // of the averaging. consensus_known: false where the parameters are not equal on all ranks: the norms of the first
  // averaging that need the consensus are then NaN, unless state() restores it.
  void measure(bool consensus_known);
  Tensor norms() const { return norms_; }  // f32 (4), AveragingNorms of the last averaging; undefined without measure()
  // consensus, outer momentum and the compressor's error memory, where there are any, by name: for checkpoints.
  std::vector<NamedTensor> state();

 private:
  void average_values(Communicator&);
  void step_along_difference(Communicator&, const AveragingRound&);
  bool keeps_consensus() const { return compressor_ || outer_.active(); }  // also without measure()
  void note(size_t index, View x, View y);  // a squared distance, if this averaging is measured

  ParameterStore& parameters_;
  std::unique_ptr<Compressor> compressor_;
  OuterStep outer_;
  Queue queue_;
  Tensor consensus_, delta_;  // undefined where the form above does not need them
  Tensor norms_, before_;     // of measure(): the numbers, and the parameters before the averaging
  bool consensus_known_ = true, measured_ = false;
};

}  // namespace skein
