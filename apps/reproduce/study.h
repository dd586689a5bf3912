// A preset on its way: the runs that it wants, those that are done, and the rates that its grid has chosen.
//
//   OUT/reproduce.json               the preset's name, the scale, and the flags of each setting
//   OUT/SETTING/seed-N               the runs, as those of skein sweep (apps/sweep/sweep_plan.h)
//   OUT/grid/SETTING-lr-RATE/seed-N  shorter runs from which a tuned setting's rate is chosen: that with the highest
//                                    test accuracy after its last epoch, as the data has no third set
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/reproduce/preset.h"
#include "apps/reproduce/run_record.h"
#include "apps/sweep/sweep_plan.h"

namespace skein {

// The user's choices about a preset's runs.
struct StudyOptions {
  std::string out, data, data_dir;
  double scale = 1;
  int64_t seeds = 0;  // 0: the preset's
  DeviceChoice device = DeviceChoice::automatic;
  ComputeType dtype = ComputeType::f32;
};

struct StudyRun {
  SweepRun run;
  TrainConfig config;
  std::optional<RunRecord> record;  // none: the run is missing
};

struct StudySetting {
  std::string name;
  std::string flags;         // beside those that all share
  std::string same_as = {};  // the grid has chosen the rate of this other setting, whose runs are its own
  bool waits = false;        // for the grid
  bool chosen = false;       // in the grid: this rate
  std::vector<StudyRun> runs = {};
};

struct Study {
  Preset preset;  // scaled
  double scale = 1;
  std::vector<StudySetting> grid, settings;

  const StudySetting& runs_of(const std::string& setting) const;  // follows same_as
  std::vector<const StudyRun*> missing() const;                   // in order of value: the grid, then seed by seed
  int64_t waiting() const;                                        // runs whose rate is not chosen yet
  // Records of a setting's runs that have all epochs.
  std::vector<const RunRecord*> done(const StudySetting& setting) const;
};

// "NAME", and with a scale "NAME, scale 0.1: 30 of 300 epochs".
std::string title_of(const Study& study);

// The preset with its epochs, warm-up and grid multiplied. BadInput where no epoch is left.
Preset scaled(Preset preset, const StudyOptions& options);

// The runs of the scaled preset, with what is in OUT and in `records`. BadInput names the setting: flags that skein
// train refuses, a schedule that has no round after its switch, a run in OUT that is another's.
Study survey(const Preset& scaled, const StudyOptions& options, const std::vector<RunRecord>& records);

// BadInput where the data is absent or is not the preset's, with the way to get it.
void check_data(const Preset& preset, const StudyOptions& options);

// BadInput where OUT is that of another preset, scale or version of the preset, or has other files.
void check_folder(const Study& study, const std::string& out);
void write_study(const Study& study, const std::string& out);

}  // namespace skein
