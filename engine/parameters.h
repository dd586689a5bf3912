// Every learned number of a model in one flat f32 vector and beside it, in the same order, their gradients and momenta:
// one kernel steps all of them, one all-reduce averages all of them.
//
//   value  [ convolution and linear weights, biases ........ | batch-norm gamma and beta ... ]
//          0                                             decayed()                     value.numel()
//
// Each parameter starts at a multiple of 64 floats; the padding is zero and every flat kernel keeps it zero. State is
// what a model remembers without learning it by gradient: the running statistics of batch norm.
#pragma once

#include <string>

#include "engine/tape.h"

namespace skein {

// zeros, ones; normal: N(0, scale^2); uniform: U(-scale, scale). Draws depend on the seed and on the parameter's index.
struct Init {
  enum Kind : uint8_t { zeros, ones, normal, uniform } kind = zeros;
  double scale = 0;
};

struct ParameterSpec {
  std::string name;
  std::vector<int64_t> shape;  // true rank: {16} for a vector, {out, kernel, kernel, in} for a convolution
  Init init;
  bool decay = true;  // weight decay applies: a property of the parameter, never guessed from its name
};

struct Segment {
  int64_t begin, count;  // of the flat vector, without padding
};

class ParameterStore {
 public:
  // While the model is being built; the tensors appear in build().
  Var add(ParameterSpec);
  struct Statistics {
    Var mean, var;  // (channels), 0 and 1 at the start
  };
  Statistics add_statistics(const std::string& name, int64_t channels);  // NAME.running_mean, NAME.running_var
  // `activations` bf16: the parameters get a shadow in bf16, which the convolutions read.
  void build(Device, uint64_t seed, DType activations = DType::f32);
  void plan(DType activations = DType::f32);  // instead of build(): tensors that are meta
  void refresh_shadow(Stream = nullptr);      // after anything but a step has changed the value

  int64_t decayed() const { return decayed_; }
  int64_t count() const;  // learned numbers, without padding
  const std::vector<ParameterSpec>& specs() const { return parameters_.specs; }
  const std::vector<Segment>& segments() const { return parameters_.segments; }
  const std::vector<ParameterSpec>& running_specs() const { return states_.specs; }
  const std::vector<Segment>& running_segments() const { return states_.segments; }
  std::vector<std::pair<Segment, Segment>> statistics()
      const;  // mean and variance of each add_statistics(), in running_statistics

  Tensor value, grad, velocity;  // f32, one layout
  Tensor shadow;                 // bf16, the same layout; undefined where activations are f32
  Tensor running_statistics;     // f32, running statistics

 private:
  struct Group {
    std::vector<ParameterSpec> specs;
    std::vector<Var> vars;
    std::vector<Segment> segments;
    int64_t size = 0;
    Var add(ParameterSpec spec, bool needs_grad);
    void lay_out();                                                        // decayed first, otherwise in order
    std::vector<float> initial(uint64_t seed, uint32_t first_item) const;  // flat, padding zero
    void bind(const Tensor& flat, Tensor Variable::*member);
  };
  void lay_out();
  void bind();

  Group parameters_, states_;
  int64_t decayed_ = 0;
};

}  // namespace skein
