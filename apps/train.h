// The command line of `skein train` as data, for commands that start runs.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "train/config/config.h"

namespace skein {

struct ParsedTrain {
  TrainConfig config;           // of the new run
  std::set<std::string> given;  // names of the flags that are on the command line, without dashes
};

// Reads "train" and its flags, and checks the configuration as far as that needs no data (train/validate.h). BadInput
// as from `skein train`.
ParsedTrain parse_train(const std::vector<std::string>& arguments);

// Names of the flags that are given, without a check of what they say together.
std::set<std::string> train_flags(const std::vector<std::string>& arguments);

}  // namespace skein
