// The table of what can be configured: a flag of `skein train` and a key of its TOML file per row (see config.h).
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "train/config.h"

namespace skein {

using Numbers = std::vector<double>;
using Texts = std::vector<std::string>;
using Member = std::variant<std::string TrainConfig::*, int64_t TrainConfig::*, double TrainConfig::*,
                            bool TrainConfig::*, Numbers TrainConfig::*, Texts TrainConfig::*>;

// What a value may be: one of the choices where there are any, else a number within low and high.
struct Permitted {
  double low = std::numeric_limits<double>::lowest(), high = std::numeric_limits<double>::max();
  std::vector<std::string> choices = {};
};

// Whether --resume takes the flag: `free` changes where and how fast the run computes, at most its rounding; `restart`
// what only workers that start again can change.
enum class Resume : uint8_t { fixed, restart, free };

struct Field {
  const char *name, *group, *type;
  Member member;
  const char* help;
  Permitted permitted = {};
  Resume resume = Resume::fixed;
};

const std::vector<Field>& fields();

// Throws BadInput where the field's value in `config` is not permitted; `where` names flag or line.
void check(const Field& field, const TrainConfig& config, const std::string& where);

}  // namespace skein
