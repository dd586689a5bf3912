// progress.json of a checkpoint: where the run is, its sums and best results, and the convolution kernels it chose.
// Keys that older versions of the format lack keep their initial values.
#pragma once

#include "base/formats/json.h"
#include "train/run/checkpoint.h"

namespace skein {

Json to_json(const TrainState& state);  // with the choices of this process, conv_choices()
Json to_json(const EpochTotals& totals);
Json to_json(const BestSoFar& best);
void from_json(const Json& json, EpochTotals& totals);
void from_json(const Json& json, BestSoFar& best);
void from_json(const Json& json, Checkpoint& checkpoint);  // state and conv_choices; JsonError where a key is missing

}  // namespace skein
