// Recipes: named sets of settings, for `skein train --recipe NAME`. A recipe changes defaults; flags that are given win
// over it, and the config.toml of the run spells all settings out, so that a run does not depend on the recipe's name.
// The table is train/config/recipes.cpp; each has its source there.
#pragma once

#include <string>

#include "train/config/config.h"

namespace skein {

// BadInput lists the names.
void apply_recipe(const std::string& name, TrainConfig& config);

std::string recipe_list();  // for --help: each recipe with its settings

}  // namespace skein
