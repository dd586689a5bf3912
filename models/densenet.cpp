#include "models/densenet.h"

#include "base/check.h"
#include "engine/recompute.h"

namespace skein {

DenseNet::Layer::Layer(ParameterStore& p, const std::string& name, int64_t in, const DenseNetShape& s, float rate,
                       uint32_t number)
    : bn1(p, name + ".bn1", in),
      conv1(p, name + ".conv1", in, s.bottleneck ? 4 * s.growth : s.growth, s.bottleneck ? 1 : 3, 1),
      rate(rate),
      number(number) {
  if (!s.bottleneck) return;
  bn2.emplace(p, name + ".bn2", 4 * s.growth);
  conv2.emplace(p, name + ".conv2", 4 * s.growth, s.growth, 3, 1);
}

Var DenseNet::Layer::operator()(const DenseFeatures& features) const {
  Var x = bn1.relu_conv(features, conv1);
  if (conv2) x = (*conv2)(bn2->relu(dropout(x, rate, 2 * number)));
  return dropout(x, rate, 2 * number + 1);
}

DenseNet::DenseNet(const DenseNetShape& s, const ModelOptions& options, ParameterStore& p)
    : conv1_(p, "conv1", options.channels, s.stem, 3, 1) {
  int64_t in = s.stem;
  uint32_t number = 0;
  for (int64_t b = 1; b <= 3; ++b) {
    Block& block = blocks_.emplace_back();
    for (int64_t i = 0; i < (s.depth - 4) / (s.bottleneck ? 6 : 3); ++i, in += s.growth)
      block.layers.emplace_back(p, fmt::format("block{}.layer.{}", b, i), in, s, options.dropout, number++);
    block.channels = in;
    if (b == 3) break;
    const std::string name = fmt::format("trans{}", b);
    const int64_t out = s.half ? in / 2 : in;
    block.transition.emplace(Transition{{p, name + ".bn1", in}, {p, name + ".conv1", in, out, 1, 1}});
    in = out;
  }
  bn1_.emplace(p, "bn1", in);
  fc_.emplace(p, "fc", in, options.classes,
              options.normal_classifier ? Linear::Start::normal : Linear::Start::zero_bias);
}

Var DenseNet::forward(const Var& images) const {
  Var x = conv1_(images);
  for (const Block& block : blocks_) {
    DenseFeatures features(x, block.channels);
    for (const Layer& layer : block.layers)  // without a bottleneck, a layer keeps no inner activations anyway
      features.append(layer.conv2 ? recompute(layer, features) : layer(features));
    x = block.transition ? average_pool(block.transition->bn1.relu_conv(features, block.transition->conv1))
                         : bn1_->relu(features);
  }
  return (*fc_)(global_average_pool(x));
}

}  // namespace skein
