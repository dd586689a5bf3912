#include "train/config/recipes.h"

#include <fmt/ranges.h>

#include "base/check.h"

namespace skein {
namespace {

struct Recipe {
  const char *name, *about, *settings;  // settings: TOML, keys in the order of --help
};

// paper: arXiv 1808.07217, section 4.1 and the authors' public code: ResNet-20, 16 workers of batch 128, post-local
// SGD.
//
// timm-small: the defaults of the public code of DeiT (facebookresearch/deit, main.py; arXiv 2012.12877): AdamW with
// decay 0.05, cosine with a warm-up of 5 epochs from 1e-6, label smoothing 0.1, mixup 0.8 and CutMix 1.0 in turn,
// random erasing 0.25. ConvNeXt's (facebookresearch/ConvNeXt, main.py; arXiv 2201.03545) are the same but for a warm-up
// of 20 epochs. Ours: TrivialAugment (arXiv 2103.10158) in place of RandAugment; 100 epochs in place of 300; rate 1e-3
// for batch 128, where their 5e-4 for 512 and 4e-3 for 4096 are 1.25e-4; a cosine to 0 in place of 1e-5 or 1e-6. Left
// out: stochastic depth, repeated augmentation, colour jitter. No accuracy is claimed.
//
// fast-cifar: Page, "How to Train Your ResNet" (2018, myrtle.ai; DAWNBench), with a network of half the width and 30
// epochs in place of 24: flip, crop with 4 pixels of padding, cutout 8 x 8, SGD with Nesterov momentum 0.9, weight
// decay 5e-4, a rate that rises in the first fifth of the run to 0.4 for batch 512, here 0.1 for batch 128, and falls
// to 0. Label smoothing is 0.1. Evaluation is without flipped copies of the test images. No accuracy is claimed.
constexpr Recipe kRecipes[] = {{"paper", "post-local SGD on CIFAR-10 as in arXiv 1808.07217", R"(
model = "resnet20"
data = "cifar10"
epochs = 300
batch = 128
workers = 16
momentum = 0.9
weight-decay = 1e-4
lr = 0.2
base-batch = 128
warmup-epochs = 5
drops = [0.5, 0.75]
drop-factor = 0.1
sync = "post-local:H=16"
)"},
                               {"timm-small", "the rules of timm and its papers, for any --model and --data", R"(
trivial-augment = true
random-erase = 0.25
mixup = 0.8
cutmix = 1.0
epochs = 100
batch = 128
optimizer = "adamw"
weight-decay = 0.05
label-smoothing = 0.1
lr = 0.001
lr-schedule = "cosine"
warmup-epochs = 5
warmup-from = 1e-6
)"},
                               {"fast-cifar", "a ResNet-9 for CIFAR-10 in little time, after Page (DAWNBench)", R"(
model = "resnet9-32"
data = "cifar10"
cutout = 8
epochs = 30
batch = 128
momentum = 0.9
weight-decay = 5e-4
label-smoothing = 0.1
lr = 0.1
lr-schedule = "one-cycle"
rise = 0.2
)"}};

}  // namespace

void apply_recipe(const std::string& name, TrainConfig& config) {
  std::vector<std::string> names;
  for (const Recipe& r : kRecipes) {
    if (name == r.name) return parse_config(r.settings, fmt::format("recipe {}", name), config);
    names.emplace_back(r.name);
  }
  throw BadInput("--recipe '{}': is not known; give {}", name, fmt::join(names, ", "));
}

std::string recipe_list() {
  std::string text;
  for (const Recipe& r : kRecipes) {
    text += fmt::format("  {}: {}\n   ", r.name, r.about);
    TrainConfig changed, defaults;
    apply_recipe(r.name, changed);
    const OptionList values = config_options(changed), before = config_options(defaults);
    for (size_t i = 0; i < values.options().size(); ++i)
      if (!same_value(values.options()[i], before.options()[i])) text += " " + typed(values.options()[i]);
    text += "\n";
  }
  return text;
}

}  // namespace skein
