// All learned parameters of a model in one flat f32 vector, with their gradients and momentum buffers in vectors of the
// same layout: one kernel updates all parameters, one all_reduce averages all of them.
//
//   value  [ convolution and linear weights, biases ........ | batch-norm gamma and beta ... ]
//          0                                             decayed()                     value.numel()
//
// Each parameter starts at a multiple of 64 floats. The padding is zero, and every flat kernel maps zero to zero.
// Running statistics of batch norm are not learned by gradient; they lie in a flat vector of their own. So do frozen
// parameters, with the running statistics beside them: no flat kernel, average or compression reaches them.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/tape.h"

namespace skein {

// Initial values: zeros, ones, N(0, scale^2) or U(-scale, scale). Draws depend on the seed, on the parameter's index in
// the order of add(), and on the element.
struct Init {
  enum Kind : uint8_t { zeros, ones, normal, uniform } kind = zeros;
  double scale = 0;
};

struct ParameterSpec {
  std::string name;
  std::vector<int64_t> shape;  // without leading ones: {16} for a vector, {out, kernel, kernel, in} for a convolution
  Init init;
  bool decay = true;  // weight decay applies
};

// Elements [begin, begin + count) of a flat vector: one parameter, without padding.
struct Segment {
  int64_t begin, count;
};

// Running mean and variance of one batch norm, (C) f32, as variables without gradient. Every training forward pass
// updates them: running = (1 - momentum) * running + momentum * batch. Evaluation normalises with them. The kernels get
// them as views, BatchNormRunning; BatchNormStats are the statistics of one batch (kernels/batch_norm.h).
struct RunningStatistics {
  Var mean, var;  // 0 and 1 at the start
  float momentum = 0.1f, eps = 1e-5f;
};

class ParameterStore {
 public:
  // Registration, while the model is constructed. The variables get their tensors in build() or plan().
  Var add(ParameterSpec);
  RunningStatistics add_running_statistics(const std::string& name, int64_t channels);  // NAME.running_{mean,var}
  // Takes the layers whose names (without .weight and so on) `is_frozen` selects out of what is learned: they get no
  // gradient and keep their values. Their batch norms compute as in evaluation, and their running statistics stay. The
  // layers must be the first of the network, so that no gradient has to pass through them. To be called before build().
  void freeze(const std::function<bool(const std::string& layer)>& is_frozen);
  // Allocates and initialises. With bf16 activations, the parameters get a bf16 shadow.
  void build(Device, uint64_t seed, DType activations = DType::f32);
  void plan(DType activations = DType::f32);  // instead of build(): meta tensors, without memory
  void add_second_moment();                   // for AdamW, after build()
  void refresh_shadow(Stream = nullptr);  // to be called after `value` was changed by anything but an optimiser's step

  int64_t decayed() const { return decayed_; }  // weight decay applies to elements [0, decayed())
  int64_t count() const;                        // number of learned parameters, without padding
  const std::vector<ParameterSpec>& specs() const { return parameters_.specs; }
  const std::vector<Segment>& segments() const { return parameters_.segments; }
  const std::vector<ParameterSpec>& running_specs() const { return running_.specs; }
  const std::vector<Segment>& running_segments() const { return running_.segments; }
  const std::vector<ParameterSpec>& frozen_specs() const { return frozen_.specs; }
  const std::vector<Segment>& frozen_segments() const { return frozen_.segments; }
  int64_t frozen_count() const { return frozen_count_; }  // number of frozen parameters, without running statistics
  // Segments of mean and variance in `running_statistics`, one pair per add_running_statistics().
  std::vector<std::pair<Segment, Segment>> running_pairs() const;

  Tensor value, grad, velocity;   // f32; velocity: momentum buffer of SGD, first moment of AdamW
  Tensor second_moment, updates;  // of AdamW, f32: a moment of each parameter, and the number of steps; else undefined
  Tensor shadow;                  // bf16 copy of value, which convolutions read; undefined if activations are f32
  Tensor running_statistics;      // f32
  Tensor frozen;                  // f32; undefined unless layers are frozen

 private:
  struct Group {
    std::vector<ParameterSpec> specs;
    std::vector<Var> vars;
    std::vector<Segment> segments;
    std::vector<uint32_t> items;  // indices of the draws of initial values
    int64_t size = 0;
    Var add(ParameterSpec spec, bool needs_grad);
    void move(size_t i, Group& to);
    void lay_out();                                                        // decayed first, else in order of add()
    std::vector<float> initial(uint64_t seed, uint32_t first_item) const;  // flat vector, padding zero
    void bind(const Tensor& flat, Tensor Variable::*member);
  };
  void lay_out();
  void bind();

  Group parameters_, running_, frozen_;
  int64_t decayed_ = 0, frozen_count_ = 0;
  uint32_t running_items_ = 0;  // index of the first draw for running statistics
  Tensor frozen_shadow_;        // as `shadow`
};

}  // namespace skein
