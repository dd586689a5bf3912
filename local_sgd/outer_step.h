// The outer step moves the consensus c along the workers' mean difference Delta = mean over k of (c - w_k). It is a
// step of SGD whose gradient is Delta, with momentum m and rate r:
//
//   form      rule                                               D                             c
//   diloco    u = m*u + Delta                                    Delta + m*u (Nesterov) or u   c - r*D
//   slowmo    u = m*u + Delta/gamma                              the same of Delta/gamma       c - r*gamma*D
//   (m = 0, r = 1)                                                                             c - Delta, algorithm 1
//
// gamma is the learning rate of the last local step. At a constant gamma both forms are the same. When gamma drops,
// slowmo's momentum becomes smaller with it; diloco's keeps the length of the steps before the drop.
// u starts at 0. All are flat f32 vectors of the parameters' size; c and u are equal on all ranks.
// Source: global and hybrid momentum of epfml/LocalSGD-Code; DiLoCo, arXiv 2311.08105, algorithm 1 (r = 0.7, m = 0.9,
// Nesterov); SlowMo, arXiv 1910.00643, algorithm 1 (without Nesterov), and its code in fairscale.
#pragma once

#include "base/enum_names.h"
#include "engine/tensor.h"

namespace skein {

enum class OuterForm : uint8_t { diloco, slowmo };
constexpr auto names_of(OuterForm) { return std::array{"diloco", "slowmo"}; }

struct OuterMomentum {
  float momentum = 0, rate = 1;
  bool nesterov = true;
  OuterForm form = OuterForm::diloco;
  bool active() const { return momentum != 0 || rate != 1; }
};

class OuterStep {
 public:
  OuterStep(OuterMomentum, int64_t size, Queue);
  bool active() const { return outer_.active(); }
  // Only for an active step. gamma is above 0; slowmo scales delta in place.
  void apply(View consensus, View delta, double gamma);
  const Tensor& momentum() const { return momentum_; }  // u; undefined where the step is c - Delta

 private:
  OuterMomentum outer_;
  Queue queue_;
  Tensor momentum_, rate_;
};

}  // namespace skein
