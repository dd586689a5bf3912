#include "models/resnet.h"

#include "base/check.h"
#include "engine/recompute.h"

namespace skein {

template <class Block>
ResNet<Block>::ResNet(const ResNetStages& stages, const ModelOptions& options, ParameterStore& p, int64_t width)
    : conv1_(p, "conv1", options.channels, width, 7, 2), bn1_(p, "bn1", width) {
  int64_t in = width;
  for (size_t stage = 0; stage < stages.size(); ++stage)
    for (int64_t block = 0; block < stages[stage]; ++block) {
      const int64_t inner = width << stage, stride = stage > 0 && block == 0 ? 2 : 1;
      blocks_.emplace_back(p, fmt::format("layer{}.{}", stage + 1, block), BlockShape{in, inner, stride}, options);
      in = Block::kExpansion * inner;
    }
  fc_.emplace(p, "fc", in, options.classes, options.normal_classifier ? Linear::Start::normal : Linear::Start::uniform);
}

template <class Block>
Var ResNet<Block>::forward(const Var& images) const {
  Var x = max_pool(bn1_.relu(conv1_(images)));
  for (const Block& block : blocks_) x = recompute(block, x);
  return (*fc_)(global_average_pool(x));
}

template class ResNet<BasicBlock>;
template class ResNet<Bottleneck>;

}  // namespace skein
