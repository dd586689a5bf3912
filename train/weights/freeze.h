// Layers of a model that a run leaves as they are (--freeze), for fine-tuning from --init:
//
//   stem                 the layers before the first block: conv1, and bn1 of a ResNet
//   all-but-classifier   all layers but fc, which is then trained on fixed features
//
// Frozen parameters have no gradient, no momentum and no weight decay, and are not averaged or compressed. Frozen batch
// norms normalise with their running statistics, as in evaluation, and do not update them; dropout within frozen layers
// is off. The backward pass ends above them.
#pragma once

#include "engine/parameters.h"
#include "train/config/config_types.h"

namespace skein {

// To be called between make_model() and ParameterStore::build().
void freeze(Freeze what, ParameterStore& parameters);

}  // namespace skein
