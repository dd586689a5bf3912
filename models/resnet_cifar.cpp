#include "models/resnet_cifar.h"

#include "kernels/check.h"

namespace skein {

ResNetCifar::BasicBlock::BasicBlock(ParameterStore& p, const std::string& name, int64_t in, int64_t out, int64_t stride,
                                    char shortcut)
    : conv1(p, name + ".conv1", in, out, 3, stride),
      bn1(p, name + ".bn1", out),
      conv2(p, name + ".conv2", out, out, 3, 1),
      bn2(p, name + ".bn2", out),
      in(in),
      out(out),
      stride(stride) {
  if (shortcut == 'A' || (in == out && stride == 1)) return;
  projection.emplace(p, name + ".downsample.0", in, out, 1, stride);
  projection_bn.emplace(p, name + ".downsample.1", out);
}

Var ResNetCifar::BasicBlock::shortcut(const Var& x) const {
  if (projection) return (*projection_bn)((*projection)(x));
  return in == out && stride == 1 ? x : downsample(x, stride, out);
}

Var ResNetCifar::BasicBlock::operator()(const Var& x) const {
  return bn2.add_relu(conv2(bn1.relu(conv1(x))), shortcut(x));
}

ResNetCifar::ResNetCifar(int64_t depth, const ModelOptions& options, ParameterStore& p)
    : conv1_(p, "conv1", options.channels, 16, 3, 1), bn1_(p, "bn1", 16) {
  if (options.shortcut != 'A' && options.shortcut != 'B')
    throw BadInput("--shortcut {}: must be A (zero-padded identity) or B (1x1 convolution)", options.shortcut);
  int64_t in = 16;
  for (int64_t stage = 0; stage < 3; ++stage)
    for (int64_t block = 0; block < (depth - 2) / 6; ++block) {
      const int64_t out = int64_t{16} << stage, stride = stage > 0 && block == 0 ? 2 : 1;
      blocks_.emplace_back(p, fmt::format("layer{}.{}", stage + 1, block), in, out, stride, options.shortcut);
      in = out;
    }
  fc_.emplace(p, "fc", in, options.classes);
}

Var ResNetCifar::forward(const Var& images) const {
  Var x = bn1_.relu(conv1_(images));
  for (const BasicBlock& block : blocks_) x = block(x);
  return (*fc_)(global_average_pool(x));
}

}  // namespace skein
