// From the command line of skein train to a TrainCall: the flags, the configuration that they make with a file, a recipe
// or a checkpoint, and which of them exclude each other.
#pragma once

#include <string>

#include "apps/command_line.h"
#include "train/config/config.h"
#include "train/run/train_call.h"

namespace skein {

// The command line as it was typed.
struct TrainArguments {
  TrainConfig flags;  // defaults, except for the flags that were given
  std::string config_file, recipe, out, resume, trace, trace_steps, secret_file, tls = "none", replay, timeout = "5min";
  bool from_consensus = false, resume_if_started = false;
  int64_t limit_steps = 0;
};

Command& declare_train(Command& skein, TrainArguments& arguments);

// Errors: BadInput names the flag and the fix.
void check_resuming(const TrainArguments& arguments);
// The configuration of a new run: the recipe's or the file's, and over it the flags that were given.
TrainConfig new_config(const Command& train, const TrainArguments& arguments);
TrainCall make_call(const Command& train, const TrainArguments& arguments, int64_t processes);
// Turns the call that would start a run into one that goes on with it. The command line says the same as the first
// time, so only what differs from the run's settings is new.
void go_on(const std::string& run, TrainCall& call);

}  // namespace skein
