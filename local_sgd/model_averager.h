// Synchronisation of the workers' models: algorithm 1's average, and what stands in its place with compression
// (algorithms 3 and 4) or an outer momentum. K ranks, parameters w_k, consensus c:
//
//   neither of both  w_k = mean over k of w_k                                                     (algorithm 1)
//   otherwise        Delta = mean over k of (c - w_k), compressed or not (local_sgd/compressor.h);
//                    c = c - Delta, or an outer step along Delta (local_sgd/outer_step.h);   w_k = c
//   one rank         the same rules: without compression and outer step nothing changes, to the bit
//
// An averaging may be delayed: it travels while every worker takes d more local steps, and is merged into its model
// then. With w_k(t) the parameters that were sent, c' the consensus that comes back, and w_k those after the d steps:
//
//   corrected (default)   w_k = w_k + (c' - w_k(t))        all local steps count (CoCoD-SGD; LOSCAR-SGD)
//   mixed, 0 < a <= 1     w_k = (1 - a) w_k + a c'         Streaming DiLoCo, whose alpha is 1 - a, 0.5 there; a = 1
//                                                          drops the d steps and is what torchft does
//
// The difference of the next round is c' - w_k, as without delay; the consensus, the outer step and the error memory
// are those of the parameters that were sent. One rank without compression and outer step: the corrected merge changes
// nothing, to the bit.
//
// Momentum v_k of the local steps: local_sgd/sync_momentum.h. c is the last common value of the ranks of one
// communicator. Block and world averaging (algorithm 5) each keep their own; after one among all the new model is the
// blocks' consensus, too (reset_consensus()). All are flat f32 vectors of the parameters' size.
// Source: Lin, Stich, Patel, Jaggi, "Don't Use Large Mini-Batches, Use Local SGD", arXiv 1808.07217. Delay: CoCoD-SGD,
// arXiv 1906.12043, algorithm 1; LOSCAR-SGD, arXiv 2605.20866, which finds its theory and that it beats overwriting;
// Streaming DiLoCo, arXiv 2501.18512, overlapping with tau and alpha.
#pragma once

#include <limits>
#include <memory>
#include <optional>

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

// The merge of a delayed averaging. mix: a; absent: corrected.
struct DelayedMerge {
  std::optional<double> mix;
};

class ModelAverager {
 public:
  // The ranks' parameters are equal here, since all are drawn from one seed or loaded from one checkpoint: the
  // consensus starts as their value. The compressor may be null: f32 travels.
  ModelAverager(ParameterStore&, std::unique_ptr<Compressor>, OuterMomentum, Queue);
  void average(Communicator&, const AveragingRound&);  // collective; PeerLost as the transport throws it
  // The parameters are equal on all ranks now: they are the consensus.
  void reset_consensus() { reset_consensus(parameters_.value); }
  // The same for a model that is not yet in the parameters.
  void reset_consensus(View model);

  // Delayed averagings from now on; host memory only. send() copies the parameters. average_sent() is the averaging of
  // that copy, collective, and may run on another thread while the parameters change. merge() changes the parameters,
  // after average_sent() has returned. The three alternate.
  void delay(const DelayedMerge&);
  void send();
  void average_sent(Communicator&, const AveragingRound&);
  void merge();
  View sent() const { return sent_; }  // c' after average_sent()
  Traffic merged_traffic() const;      // of the averaging that was merged last, whichever process has sent it

  // From now on every averaging with AveragingRound::measured computes norms(). It keeps a consensus and one more
  // vector for that, and changes no bit of the averaging. consensus_known: false where the parameters are not equal on
  // all ranks: the norms of the first averaging that need the consensus are then NaN, unless state() restores it.
  void measure(bool consensus_known);
  Tensor norms() const { return norms_; }  // f32 (4), AveragingNorms of the last averaging; undefined without measure()
  // consensus, outer momentum and the compressor's error memory, where there are any, by name: for checkpoints. With a
  // delay also what is to be merged and its traffic: a checkpoint may lie between average_sent() and merge().
  std::vector<NamedTensor> state();

 private:
  void average_model(View model, Communicator&, const AveragingRound&);
  void average_values(View model, Communicator&);
  void step_along_difference(View model, Communicator&, const AveragingRound&);
  bool keeps_consensus() const { return compressor_ || outer_.active(); }  // also without measure()
  void note(size_t index, View x, View y);  // a squared distance, if this averaging is measured

  ParameterStore& parameters_;
  std::unique_ptr<Compressor> compressor_;
  OuterStep outer_;
  Queue queue_;
  Tensor consensus_, delta_;  // undefined where the form above does not need them
  Tensor norms_, before_;     // of measure(): the numbers, and the parameters before the averaging
  bool consensus_known_ = true, measured_ = false;
  std::optional<double> mix_;  // of delayed averagings
  Tensor sent_;                // w_k(t), then c'; undefined without a delay, as the next two
  Tensor pending_;             // c' - w_k(t), or c' where it is mixed
  Tensor pending_traffic_;     // whole numbers in f32: bytes / 2^24, bytes mod 2^24, rounds
};

}  // namespace skein
