// What all processes of a run must have in common. Workers that train different models, on different data or at
// different rates would average nonsense without noticing.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "apps/train.h"

namespace skein {

using Facts = std::vector<std::pair<std::string, std::string>>;  // what, and what it is in this process

Facts facts_of(const TrainCall& call);  // version, flags and configuration, but for where the files are
Facts facts_of(const Splits& data);     // sizes, classes and contents
Facts facts_of(const Checkpoint& checkpoint);

// Collective. BadInput on all processes names rank and fact where one differs from the first process.
void agree(Job& job, const Facts& facts);

}  // namespace skein
