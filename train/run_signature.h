// What all processes of a run must have in common. Workers that train different models, on different data or at
// different rates would average nonsense without noticing.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "train/run.h"

namespace skein {

using RunSignature = std::vector<std::pair<std::string, std::string>>;  // what, and what it is in this process

RunSignature signature_of(const TrainCall& call);  // version, flags and configuration, but for where the files are
RunSignature signature_of(const Splits& data);     // sizes, classes and contents
RunSignature signature_of(const Checkpoint& checkpoint);

// Collective. BadInput on all processes names rank and fact where one differs from the first process.
void require_same(ProcessGroup& group, const RunSignature& signature);

}  // namespace skein
