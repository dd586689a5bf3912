// The properties that the processes of a run must have in common. Workers that train different models, on different
// data or at different rates, would average without an error.
#pragma once

#include "comm/process_group.h"
#include "data/dataset.h"
#include "train/run/checkpoint.h"
#include "train/run/text_pairs.h"
#include "train/run/train_call.h"

namespace skein {

using RunSignature = TextPairs;  // name of a property, and its value in this process

RunSignature signature_of(const TrainCall& call);  // version, flags and configuration, without the places of files
RunSignature signature_of(const Splits& data, const DataFingerprints& fingerprints);  // sizes, classes, contents
RunSignature signature_of(const Checkpoint& checkpoint);

// Compares with rank 0. Collective. BadInput on all ranks names the ranks that differ, and the first difference of
// each.
void require_same(ProcessGroup& group, const RunSignature& signature);

}  // namespace skein
