// Everything that decides what a training run computes, and how it is said on the command line and in TOML: the flag
// --weight-decay is the key weight-decay. One table (config.cpp) binds each member to its name, group, help text and
// permitted values, and flags, --config, config.toml and --resume all go through it, so they cannot drift apart.
#pragma once

#include <string>
#include <vector>

#include "kernels/view.h"

namespace CLI {
class App;
}

namespace skein {

struct TrainConfig {
  std::string model = "resnet20", shortcut = "B";
  double dropout = 0;
  bool zero_gamma = false, normal_classifier = false;

  std::string data = "fashion-mnist", data_dir;
  bool augment = true;
  int64_t resize = 0, crop = 224, bad_images = 100, decode_threads = 0;
  int64_t synthetic_train = 2048, synthetic_test = 512, synthetic_size = 32, synthetic_channels = 3,
          synthetic_classes = 10;

  int64_t epochs = 30, batch = 128, accumulate = 1, workers = 1;
  double momentum = 0.9, weight_decay = 1e-4;
  bool nesterov = true, sign_step = false;

  double lr = 0.2, base_batch = 0, warmup_epochs = 5;
  std::vector<double> drops{0.5, 0.75};
  double drop_factor = 0.1;
  std::string lr_scaling = "linear";

  std::string sync = "minibatch", average = "models", compress = "none", bn_stats = "average", eval_local = "last";
  std::string partition = "global";
  std::vector<std::string> net;
  double outer_momentum = 0, outer_rate = 1, lars = 0, noise = 0;
  bool outer_nesterov = true;
  int64_t parallel = 0;

  int64_t seed = 0, eval_batch = 128;

  std::string device = "auto", dtype = "f32", conv = "auto";
  int64_t threads = 0;
  bool recompute = false;

  bool operator==(const TrainConfig&) const = default;
};

inline DType activations(const TrainConfig& c) { return c.dtype == "bf16" ? DType::bf16 : DType::f32; }

// One flag per member, grouped, with its default; what is parsed lands in `flags`.
void add_config_flags(CLI::App& app, TrainConfig& flags);

// How a command line goes on with a configuration: of a new run; of one that goes on to the bit; of one whose workers
// start again from the average of their models.
enum class Start : uint8_t { fresh, resumed, from_consensus };

// Takes over the members whose flags were given, after checking their values. When resuming, a flag that would change
// what the run computes is a BadInput.
void apply_flags(const CLI::App& app, const TrainConfig& flags, Start start, TrainConfig& config);

// Every value as text by its flag, in the order of --help.
std::vector<std::pair<std::string, std::string>> config_values(const TrainConfig& config);

// Takes over what the file says. BadInput names file, line, key and fix.
void read_config(const std::string& path, TrainConfig& config);
void parse_config(const std::string& text, const std::string& path, TrainConfig& config);

std::string to_toml(const TrainConfig& config);

}  // namespace skein
