#include "models/model.h"

#include <charconv>
#include <map>
#include <optional>

#include "base/check.h"
#include "models/densenet.h"
#include "models/model_traits.h"
#include "models/resnet.h"
#include "models/resnet9.h"
#include "models/resnet_cifar.h"
#include "models/wide_resnet.h"

namespace skein {
namespace {

// Parser of a model's name: each call consumes a prefix.
class Name {
 public:
  explicit Name(std::string_view rest) : rest_(rest) {}
  bool word(std::string_view w) {
    if (!rest_.starts_with(w)) return false;
    rest_.remove_prefix(w.size());
    return true;
  }
  // Decimal number without leading zero, 1 .. 9999.
  bool number(int64_t& n) {
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), n);
    if (error != std::errc{} || n < 1 || n > 9999 || rest_.front() == '0') return false;
    rest_.remove_prefix(size_t(end - rest_.data()));
    return true;
  }
  bool end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

using MaybeModel = std::unique_ptr<Model>;

// The stages of ImageNet's ResNets, by depth.
const std::map<int64_t, ResNetStages>& large_resnets() {
  static const std::map<int64_t, ResNetStages> all = {
      {18, {2, 2, 2, 2}}, {34, {3, 4, 6, 3}}, {50, {3, 4, 6, 3}}, {101, {3, 4, 23, 3}}, {152, {3, 8, 36, 3}}};
  return all;
}

MaybeModel make_resnet(Name name, const ModelOptions& o, ParameterStore& p) {
  int64_t depth = 0;
  if (!name.word("resnet") || !name.number(depth) || !name.end()) return nullptr;
  if (const auto stages = large_resnets().find(depth); stages != large_resnets().end()) {
    if (depth < 50) return std::make_unique<ResNet<BasicBlock>>(stages->second, o, p);
    return std::make_unique<ResNet<Bottleneck>>(stages->second, o, p);
  }
  if (depth < 8 || depth > 1202 || depth % 6 != 2) return nullptr;
  return std::make_unique<ResNetCifar>(depth, o, p);
}

MaybeModel make_resnet9(Name name, const ModelOptions& o, ParameterStore& p) {
  int64_t width = 64;
  if (!name.word("resnet9")) return nullptr;
  if (name.word("-") && !name.number(width)) return nullptr;
  return name.end() ? std::make_unique<ResNet9>(width, o, p) : nullptr;
}

MaybeModel make_densenet(Name name, const ModelOptions& o, ParameterStore& p) {
  DenseNetShape s;
  if (!name.word("densenet")) return nullptr;
  s.bottleneck = s.half = name.word("-bc-");
  if (!name.number(s.depth) || !name.word("-") || !name.number(s.growth)) return nullptr;
  s.stem = s.bottleneck ? 2 * s.growth : 16;
  if (name.word("-stem") && !name.number(s.stem)) return nullptr;
  if (name.word("-half")) s.half = true;
  const int64_t unit = s.bottleneck ? 6 : 3;
  if (!name.end() || s.depth < unit + 4 || (s.depth - 4) % unit != 0) return nullptr;
  return std::make_unique<DenseNet>(s, o, p);
}

MaybeModel make_wide_resnet(Name name, const ModelOptions& o, ParameterStore& p) {
  int64_t depth = 0, width = 0;
  if (!name.word("wrn") || !name.number(depth) || !name.word("-") || !name.number(width) || !name.end()) return nullptr;
  if (depth < 10 || depth % 6 != 4) return nullptr;
  return std::make_unique<WideResNet>(depth, width, o, p);
}

}  // namespace

std::unique_ptr<Model> make_model(const std::string& name, const ModelOptions& options, ParameterStore& store) {
  if (options.shortcut != 'A' && options.shortcut != 'B')
    throw BadInput("--shortcut {}: must be A (zero-padded identity) or B (1x1 convolution)", options.shortcut);
  if (!(options.dropout >= 0 && options.dropout < 1))
    throw BadInput("--dropout {}: must be at least 0 and less than 1", options.dropout);
  for (const auto make : {make_resnet, make_resnet9, make_densenet, make_wide_resnet})
    if (auto model = make(Name(name), options, store)) return model;
  throw BadInput(
      "--model {}: no such model; known are, for large images, resnet18, 34, 50, 101, 152; for small ones resnet8, "
      "resnet14, resnet20 ... (depth 6n+2), resnet9, resnet9-32 ... (channels, 64 without), "
      "densenet40-12[-stem24[-half]] ... (depth 3n+4, growth), densenet-bc-100-12 "
      "... (depth 6n+4, growth), wrn28-10, wrn16-4 ... (depth 6n+4, width)",
      name);
}

UsualImages usual_images(const std::string& model) {
  int64_t depth = 0;
  Name name(model);
  const bool large = name.word("resnet") && name.number(depth) && name.end() && large_resnets().contains(depth);
  return large ? UsualImages{224, 1000} : UsualImages{32, 10};
}

ModelTraits traits_of(const std::string& model) {
  const bool dense = model.starts_with("densenet"), wide = model.starts_with("wrn");
  const bool nine = model == "resnet9" || model.starts_with("resnet9-");  // its blocks do not change the shape
  return {.dropout = dense || wide, .zero_gamma = !dense, .shortcut = !dense && !wide && !nine};
}

}  // namespace skein
