// Numbers of a line of metrics.jsonl by name, for files that other tools read.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/formats/json.h"

namespace skein {

// TYPE/KEY of each number, TYPE/KEY/INNER of an object within the line, and the mean over the workers of a list.
// Classes and layers have names of their own: class_top1/CLASS, weight_norm/LAYER, grad_norm/LAYER. Left out: step and
// epoch, and what is not a number. `classes`: their names.
std::vector<std::pair<std::string, double>> log_scalars(const Json& line, const std::vector<std::string>& classes);

}  // namespace skein
