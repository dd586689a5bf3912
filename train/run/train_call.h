// The arguments of train() (train/run/run.h): a configuration, and what a command line says beside it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "train/config/config.h"

namespace skein {

// A timeline of some steps of a run (train/run/trace_file.h).
struct TraceCall {
  std::string file = {};        // empty: none
  int64_t first = 3, last = 6;  // steps of the run, from 1; by default after the first two, which choose convolutions
};

struct TrainCall {
  TrainConfig config = {};
  std::string out = {};         // folder of a new run; empty: runs/<date>-<model>-<data>
  std::string resume = {};      // instead of `out`: the folder of the run to go on with
  std::string checkpoint = {};  // with `resume`: the one in it to go on from; empty: last_checkpoint()
  bool start_anew = false;      // `out` may hold what a run has left that ended before its first checkpoint
  TraceCall trace = {};
  std::vector<std::string> command = {};  // as it was typed, for the log
  int64_t limit_steps = 0;                // number of steps after which this call stops; 0: no limit
  // A resumed run computes with the checkpoint's threads and convolutions, to the same bits, unless these are set.
  bool new_threads = false, new_conv = false;
  bool from_consensus = false;  // with `resume`: the workers, of any number, start again from the average of the models
};

}  // namespace skein
