// The outer step moves the consensus c along the workers' mean difference Delta = mean over k of (c - w_k). It is a
// step of SGD whose gradient is Delta, with momentum m and rate r:
//
//   u = m*u + Delta;   D = Delta + m*u (Nesterov) or u;   c = c - r*D
//   m = 0, r = 1:      c = c - Delta, algorithm 1
//
// u starts at 0. All are flat f32 vectors of the parameters' size; c and u are equal on all ranks.
// Source: global and hybrid momentum of epfml/LocalSGD-Code. Slow momentum (arXiv 1910.00643) at a constant learning
// rate and DiLoCo's outer step (arXiv 2311.08105; r = 0.7, m = 0.9, Nesterov) are settings of the same rule.
#pragma once

#include "engine/tensor.h"

namespace skein {

struct OuterMomentum {
  float momentum = 0, rate = 1;
  bool nesterov = true;
  bool active() const { return momentum != 0 || rate != 1; }
};

class OuterStep {
 public:
  OuterStep(OuterMomentum, int64_t size, Queue);
  void apply(View consensus, View delta);
  const Tensor& momentum() const { return momentum_; }  // u; undefined where the step is c - Delta

 private:
  OuterMomentum outer_;
  Queue queue_;
  Tensor momentum_, rate_;
};

}  // namespace skein
