// The plan of a sweep: axes of choices, seeds, and the flags of `skein train` that all runs share. Every combination of
// one choice per axis is a setting; every setting is trained once per seed. The order is seed by seed, so that all
// settings can be compared after the first seed.
//
//   DIR/sweep.json                 the plan
//   DIR/sweep.sbatch               with --slurm: the job array
//   DIR/SETTING/seed-N             a run folder (train/run/run_folder.h)
//   DIR/SETTING/seed-N.log         what its run has printed
//
// SETTING is made of the choices, as in lr=0.1_sync=local-H=4; characters that a shell would interpret become '-'.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/formats/json.h"

namespace skein {

struct SweepChoice {
  std::string text;                // as in the table
  std::vector<std::string> flags;  // of skein train
  bool operator==(const SweepChoice&) const = default;
};

struct SweepAxis {
  std::string name;  // of a flag of skein train, or "variant"
  std::vector<SweepChoice> choices;
  bool operator==(const SweepAxis&) const = default;
};

struct SweepPlan {
  std::vector<std::string> train;  // the command that all runs share: "train" and its flags
  std::vector<SweepAxis> axes;
  int64_t seeds = 1, first_seed = 0;
};

struct SweepSetting {
  std::vector<std::string> choices;  // texts, one per axis
  std::vector<std::string> flags;    // of skein train, the shared ones first
  std::string folder;                // its name within that of the sweep
};

struct SweepRun {
  size_t setting = 0;  // index in settings_of()
  int64_t seed = 0;
  std::string folder;                  // with that of the sweep
  std::vector<std::string> arguments;  // of skein
};

// "NAME=VALUE,VALUE". Values are separated by semicolons where the text has one, else by commas; empty parts after the
// last separator are dropped. BadInput: no flag of this name, no value, a value twice, or commas alone where the value
// of the flag is itself a list.
SweepAxis parse_set(const std::string& text);

// "NAME=FLAGS" for each: one axis named "variant". FLAGS are separated by spaces.
SweepAxis parse_variants(const std::vector<std::string>& texts);

// BadInput for flags of skein train that the sweep gives itself; `given`: names.
void refuse_own_flags(const std::set<std::string>& given);

// Checks every setting as skein train would before it opens its data. BadInput names the setting and the fix: flags
// that the sweep gives itself, that are on two axes, or settings that are the same run. Sets first_seed.
void check_plan(SweepPlan& plan);

std::vector<SweepSetting> settings_of(const SweepPlan& plan);
std::vector<SweepRun> runs_of(const SweepPlan& plan, const std::string& folder);

bool has_plan(const std::string& folder);
SweepPlan read_plan(const std::string& folder);  // BadInput where there is none, or it cannot be read
void write_plan(const SweepPlan& plan, const std::string& folder);

// BadInput where `plan` is not that of the folder, with the first difference. More seeds than before are no difference.
void require_same_plan(const SweepPlan& plan, const SweepPlan& of_folder, const std::string& folder);

}  // namespace skein
