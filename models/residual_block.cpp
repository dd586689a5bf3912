#include "models/residual_block.h"

namespace skein {
namespace {

BatchNorm::Gamma last_gamma(const ModelOptions& o) {
  return o.zero_gamma ? BatchNorm::Gamma::zero : BatchNorm::Gamma::one;
}

}  // namespace

Shortcut::Shortcut(ParameterStore& p, const std::string& block, int64_t in, int64_t out, int64_t stride, char kind)
    : in_(in), out_(out), stride_(stride) {
  if (kind == 'A' || (in == out && stride == 1)) return;
  projection_.emplace(p, block + ".downsample.0", in, out, 1, stride);
  norm_.emplace(p, block + ".downsample.1", out);
}

Var Shortcut::operator()(const Var& x) const {
  if (projection_) return (*norm_)((*projection_)(x));
  return in_ == out_ && stride_ == 1 ? x : downsample(x, stride_, out_);
}

BasicBlock::BasicBlock(ParameterStore& p, const std::string& name, BlockShape s, const ModelOptions& o)
    : conv1_(p, name + ".conv1", s.in, s.width, 3, s.stride),
      bn1_(p, name + ".bn1", s.width),
      conv2_(p, name + ".conv2", s.width, s.width, 3, 1),
      bn2_(p, name + ".bn2", s.width, last_gamma(o)),
      shortcut_(p, name, s.in, s.width, s.stride, o.shortcut) {}

Var BasicBlock::operator()(const Var& x) const { return bn2_.add_relu(conv2_(bn1_.relu(conv1_(x))), shortcut_(x)); }

Bottleneck::Bottleneck(ParameterStore& p, const std::string& name, BlockShape s, const ModelOptions& o)
    : conv1_(p, name + ".conv1", s.in, s.width, 1, 1),
      bn1_(p, name + ".bn1", s.width),
      conv2_(p, name + ".conv2", s.width, s.width, 3, s.stride),
      bn2_(p, name + ".bn2", s.width),
      conv3_(p, name + ".conv3", s.width, kExpansion * s.width, 1, 1),
      bn3_(p, name + ".bn3", kExpansion * s.width, last_gamma(o)),
      shortcut_(p, name, s.in, kExpansion * s.width, s.stride, o.shortcut) {}

Var Bottleneck::operator()(const Var& x) const {
  return bn3_.add_relu(bn2_.relu_conv(bn1_.relu_conv(conv1_(x), conv2_), conv3_), shortcut_(x));
}

}  // namespace skein
