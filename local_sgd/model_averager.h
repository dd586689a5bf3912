// How the workers average: what travels (Compressor) and what is done with it (outer momentum).
//
//   fp32, no outer momentum     w_k = mean over k of w_k                                          (algorithm 1)
//   otherwise                   Delta = mean over k of exchange(c - w_k);   c = c - Delta;   w_k = c
//   outer momentum m            u = m*u + Delta;   D = Delta + m*u (Nesterov) or u;   c = c - rate*D;   w_k = c
//   one rank                    nothing happens, to the bit, whatever the settings
//
// c is the consensus: what the ranks of one communicator reset_consensus on last, equal on all of them. Block and world
// averaging each keep their own. Slow momentum and DiLoCo's outer step (rate 0.7, Nesterov 0.9) are settings.
#pragma once

#include <memory>
#include <string>

#include "comm/communicator.h"
#include "engine/parameters.h"

namespace skein {

struct OuterMomentum {
  float momentum = 0, rate = 1;
  bool nesterov = true;
  bool active() const { return momentum != 0 || rate != 1; }
};

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

// What travels: local_sgd/compressor.h.
class Compressor {
 public:
  virtual ~Compressor() = default;
  // An approximation of the mean over the ranks of consensus - value, the same bits on every rank and zero in the
  // padding; it lies in the compressor's memory until the next call.
  virtual View mean(View consensus, View value, Communicator&) = 0;
  virtual std::vector<NamedTensor> state() { return {}; }  // what a checkpoint must keep, per rank
};

// "none" (null: f32 travels), "bf16", "sign", "ef-sign" (algorithms 3 and 4; one bit per number and one f32 scale per
// parameter tensor), "sign:mean-of-means" and "ef-sign:mean-of-means" for the public code's mean(s)*mean(q), and
// "ef-sign:two-way", which sends the mean back as signs, too. BadInput lists them.
std::unique_ptr<Compressor> make_compressor(const std::string& name, const ParameterStore&, Queue);

class ModelAverager {
 public:
  // Call when the ranks are equal (after the initial broadcast): the consensus starts as the parameters' value. The
  // compressor may be null: f32 travels.
  ModelAverager(ParameterStore&, std::unique_ptr<Compressor>, OuterMomentum, Queue);
  void average(Communicator&);
  // The parameters' value has been made equal by other means: it is the consensus now.
  void reset_consensus();
  // consensus, outer momentum and the compressor's error memory, where there are any, by name: for checkpoints. They
  // share memory with what is used, so copying into them restores.
  std::vector<NamedTensor> state();

 private:
  ParameterStore& parameters_;
  std::unique_ptr<Compressor> compressor_;  // null: fp32
  OuterMomentum outer_;
  Queue queue_;
  Tensor consensus_, delta_, momentum_, rate_;  // undefined where the form above does not need them
};

}  // namespace skein
