// `skein train --elastic`: a run whose processes join and leave (comm/elastic/meeting_machine.h). All start alike,
// with one --out. The first is the chair; the others find it by RUN/chair.json. Where all have ended before the run is
// complete, the same command goes on from its last checkpoint.
//
//   RUN/chair.json        where the chair listens, and which process it is
//   RUN/membership.jsonl  train/elastic/membership_file.h
#pragma once

#include <functional>

#include "comm/process_group.h"
#include "train/run/train_call.h"

namespace skein {

// This process's part of the run. True when all epochs are done, false when `stop` has said true. BadInput where it may
// not join; RunFailed where it cannot go on, with what was saved.
bool train_elastic(const TrainCall& call, const JoinOptions& how, const std::function<bool()>& stop);

}  // namespace skein
