// A preset: an experiment of the paper as data, in recipes/NAME.toml. The program has all of them in it; a file can be
// named instead.
//
//   about, data, images, test-images, classes    what is shown, and on which data; images are training images
//   epochs, warmup-epochs, seeds, first-seed     of every run; --scale multiplies the first two
//   train                                        flags of skein train that all settings share
//   target, margin                               the accuracy of "time to"; percentage points that count as the same
//   networks                                     of the simulated times, as --net; a list
//   [[setting]] name, flags                      one row of the table; {0.25} in flags is a quarter of the epochs
//               lr, only with grid-epochs        rates among which the setting is tuned, in shorter runs of one seed
//   [[claim]]   text, better, than, measures     better and than are settings
//               needs                            without measures: says why the program cannot decide it
//
// Source of the settings: the paper (arXiv 1808.07217) and its public code (epfml/LocalSGD-Code).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/enum_names.h"

namespace skein {

// The quantity that a claim compares. accuracy: higher than that of the other setting. same_accuracy: less than
// `margin` below it. train_loss: lower. bytes: fewer sent until the end of the run. eigenvalue: smaller
// (apps/reproduce/run_eigenvalue.h).
enum class Measure : uint8_t { accuracy, same_accuracy, train_loss, bytes, eigenvalue };
constexpr auto names_of(Measure) {
  return std::array{"accuracy", "same-accuracy", "train-loss", "bytes", "eigenvalue"};
}

struct PresetSetting {
  std::string name;
  std::vector<std::string> flags;  // as written, with {F} in them
  std::vector<double> rates;       // to tune by; empty: not tuned
};

struct PresetClaim {
  std::string text, better, than;
  std::vector<Measure> measures;  // all must hold
  std::string needs;
};

struct Preset {
  std::string name, about, data;
  int64_t images = 0, test_images = 0, classes = 0;
  int64_t epochs = 0, grid_epochs = 0, seeds = 3, first_seed = 1;
  double warmup_epochs = 5, target = 0, margin = 0.5;
  std::vector<std::string> train, networks;
  std::vector<PresetSetting> settings;
  std::vector<PresetClaim> claims;
};

// Names of the presets in the program, in order.
std::vector<std::string> preset_names();

// A preset by its name, or by the path of its file (with a '/' or a trailing .toml). BadInput names file, line, key and
// fix; for an unknown name it lists all.
Preset find_preset(const std::string& name);
Preset parse_preset(const std::string& text, const std::string& path, const std::string& name);

// Images that all runs of `epochs`-long settings and of the grid pass, seeds included.
int64_t images_of(const Preset& preset);

}  // namespace skein
