#include "models/wide_resnet.h"

#include "base/check.h"
#include "engine/recompute.h"

namespace skein {

WideResNet::Block::Block(ParameterStore& p, const std::string& name, int64_t in, int64_t out, int64_t stride,
                         const ModelOptions& options, uint32_t number)
    : bn1(p, name + ".bn1", in),
      conv1(p, name + ".conv1", in, out, 3, stride),
      bn2(p, name + ".bn2", out, options.zero_gamma ? BatchNorm::Gamma::zero : BatchNorm::Gamma::one),
      conv2(p, name + ".conv2", out, out, 3, 1),
      rate(options.dropout),
      number(number) {
  if (in != out || stride != 1) shortcut.emplace(p, name + ".convShortcut", in, out, 1, stride);
}

Var WideResNet::Block::operator()(const Var& x) const {
  const Var a = bn1.relu(x);
  const Var y = rate > 0 ? conv2(dropout(bn2.relu(conv1(a)), rate, number)) : bn2.relu_conv(conv1(a), conv2);
  return add_to(y, shortcut ? (*shortcut)(a) : x);
}

WideResNet::WideResNet(int64_t depth, int64_t width, const ModelOptions& options, ParameterStore& p)
    : conv1_(p, "conv1", options.channels, 16, 3, 1) {
  int64_t in = 16;
  for (int64_t group = 0; group < 3; ++group)
    for (int64_t layer = 0; layer < (depth - 4) / 6; ++layer) {
      const int64_t out = (16 << group) * width, stride = group > 0 && layer == 0 ? 2 : 1;
      blocks_.emplace_back(p, fmt::format("block{}.layer.{}", group + 1, layer), in, out, stride, options,
                           uint32_t(blocks_.size()));
      in = out;
    }
  bn1_.emplace(p, "bn1", in);
  fc_.emplace(p, "fc", in, options.classes,
              options.normal_classifier ? Linear::Start::normal : Linear::Start::zero_bias);
}

Var WideResNet::forward(const Var& images) const {
  Var x = conv1_(images);
  for (const Block& block : blocks_) x = recompute(block, x);
  return (*fc_)(global_average_pool(bn1_->relu(x)));
}

}  // namespace skein
