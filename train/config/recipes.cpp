#include "train/config/recipes.h"

#include <fmt/ranges.h>

#include "base/check.h"

namespace skein {
namespace {

struct Recipe {
  const char *name, *about, *settings;  // settings: TOML, keys in the order of --help
};

// paper: arXiv 1808.07217, section 4.1 and the authors' public code: ResNet-20, 16 workers of batch 128, post-local SGD.
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
    TrainConfig changed;
    apply_recipe(r.name, changed);
    const TrainConfig defaults;
    const auto values = config_values(changed), before = config_values(defaults);
    for (size_t i = 0; i < values.size(); ++i)
      if (values[i] != before[i]) text += fmt::format(" {} {}", values[i].first, values[i].second);
    text += "\n";
  }
  return text;
}

}  // namespace skein
