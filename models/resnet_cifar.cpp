#include "models/resnet_cifar.h"

#include "base/check.h"
#include "engine/recompute.h"

namespace skein {

ResNetCifar::ResNetCifar(int64_t depth, const ModelOptions& options, ParameterStore& p)
    : conv1_(p, "conv1", options.channels, 16, 3, 1), bn1_(p, "bn1", 16) {
  int64_t in = 16;
  for (int64_t stage = 0; stage < 3; ++stage)
    for (int64_t block = 0; block < (depth - 2) / 6; ++block) {
      const int64_t width = int64_t{16} << stage, stride = stage > 0 && block == 0 ? 2 : 1;
      blocks_.emplace_back(p, fmt::format("layer{}.{}", stage + 1, block), BlockShape{in, width, stride}, options);
      in = width;
    }
  fc_.emplace(p, "fc", in, options.classes, options.normal_classifier ? Linear::Start::normal : Linear::Start::uniform);
}

Var ResNetCifar::forward(const Var& images) const {
  Var x = bn1_.relu(conv1_(images));
  for (const BasicBlock& block : blocks_) x = recompute(block, x);
  return (*fc_)(global_average_pool(x));
}

}  // namespace skein
