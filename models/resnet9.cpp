#include "models/resnet9.h"

#include <fmt/format.h>

#include "engine/recompute.h"

namespace skein {

ResNet9::Stage::Stage(ParameterStore& p, const std::string& name, int64_t in, bool residual, const ModelOptions& o)
    : conv(p, name + ".conv", in, 2 * in, 3, 1), bn(p, name + ".bn", 2 * in) {
  if (residual) block.emplace(p, name + ".block", BlockShape{2 * in, 2 * in, 1}, o);
}

ResNet9::ResNet9(int64_t width, const ModelOptions& options, ParameterStore& p)
    : conv1_(p, "conv1", options.channels, width, 3, 1), bn1_(p, "bn1", width) {
  for (int64_t s = 0; s < 3; ++s) stages_.emplace_back(p, fmt::format("layer{}", s + 1), width << s, s != 1, options);
  fc_.emplace(p, "fc", 8 * width, options.classes,
              options.normal_classifier ? Linear::Start::normal : Linear::Start::uniform);
}

Var ResNet9::forward(const Var& images) const {
  Var x = bn1_.relu(conv1_(images));
  for (const Stage& s : stages_) {
    x = s.bn.relu(max_pool(s.conv(x)));
    if (s.block) x = recompute(*s.block, x);
  }
  return (*fc_)(global_average_pool(x));
}

}  // namespace skein
