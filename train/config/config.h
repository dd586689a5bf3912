// Configuration of a training run: every setting that decides its numbers, and where and how fast it computes. A flag
// --weight-decay is the key weight-decay of a TOML file. One table (train/config/config_options.cpp) gives each member
// its name, group, help text and permitted values. Flags, --config, config.toml and --resume all use it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kernels/augment.h"
#include "local_sgd/learning_rate.h"
#include "local_sgd/outer_step.h"
#include "local_sgd/sync_schedule.h"
#include "train/config/config_types.h"
#include "train/config/options.h"

namespace skein {

struct LoaderOptions;

struct TrainConfig {
  std::string model = "resnet20";
  ShortcutKind shortcut = ShortcutKind::B;
  double dropout = 0;
  bool zero_gamma = false, normal_classifier = false, whiten_stem = false;
  Freeze freeze = Freeze::none;
  std::string init, init_digest;  // first weights; digest: set_init_digest()

  std::string data = "fashion-mnist", data_dir;
  bool augment = true, trivial_augment = false;
  Flip flip = Flip::random;
  int64_t crop_padding = 4, cutout = 0;
  double random_erase = 0, mixup = 0, cutmix = 0, mix_probability = 1;
  int64_t resize = 0, crop = 224, bad_images = 100, decode_threads = 0, val_seed = 0;
  double val_split = 0;
  int64_t synthetic_train = 2048, synthetic_test = 512, synthetic_size = 32, synthetic_channels = 3,
          synthetic_classes = 10;

  int64_t epochs = 30, batch = 128, accumulate = 1, workers = 1;
  double momentum = 0.9, weight_decay = 1e-4;
  bool nesterov = true, sign_step = false;
  OptimizerKind optimizer = OptimizerKind::sgd;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;  // of AdamW
  double label_smoothing = 0, clip_norm = 0, ema = 0;

  double lr = 0.2, base_batch = 0, warmup_epochs = 5;
  std::vector<double> drops{0.5, 0.75};  // fractions of the epochs
  std::vector<double> drop_epochs;       // instead of them
  double drop_factor = 0.1;
  RateScaling lr_scaling = RateScaling::linear;
  RateShape lr_schedule = RateShape::drops;
  double min_lr = 0, warmup_from = 0, rise = 0.3;

  // Expressions; validate() parses them before a run starts. sync: local_sgd/sync_schedule.h, sync_momentum:
  // local_sgd/sync_momentum.h, compress: local_sgd/compressor.h, partition: data/loading/partition.h, bn_stats:
  // train/averaged_model.h, net: local_sgd/network_model.h.
  std::string sync = "minibatch", sync_momentum = "keep", compress = "none", partition = "global", bn_stats = "average";
  std::vector<std::string> net;
  std::string elastic;  // comm/elastic_options.h; empty: the workers are the same from start to end
  Averaging average = Averaging::models;
  EvalLocal eval_local = EvalLocal::last;
  double outer_momentum = 0, outer_rate = 1, lars = 0, noise = 0;
  bool outer_nesterov = true;
  OuterForm outer_form = OuterForm::diloco;
  OuterFrom outer_from = OuterFrom::start;
  int64_t parallel = 0;

  int64_t seed = 0, eval_batch = 128, log_every = 1, keep = 1;
  double checkpoint_minutes = 0;  // 0: checkpoints at the ends of epochs only
  bool checkpoint_async = false;
  bool round_norms = true;
  int64_t round_norms_from = 256;  // images of a worker since the averaging before; 0: every averaging

  DeviceChoice device = DeviceChoice::automatic;
  ComputeType dtype = ComputeType::f32;
  std::string conv = "auto";  // or the name of an implementation; which there are depends on the machine
  std::string gpus;  // train/machine/gpus.h
  int64_t threads = 0;
  bool recompute = false;

  bool operator==(const TrainConfig&) const = default;
};

// Options of a loader that augments as --augment and the flags after it say.
LoaderOptions augmentation_options(const TrainConfig& config);

inline DType activations(const TrainConfig& c) { return activations(c.dtype); }

LearningRateSchedule rate_schedule(const TrainConfig& config);
inline SyncSchedule sync_schedule(const TrainConfig& c) { return parse_sync(c.sync, rate_schedule(c).first_drop()); }
inline bool has_outer_step(const TrainConfig& c) { return c.outer_momentum != 0 || c.outer_rate != 1; }

// Whether averagings take place: among several workers, or of one that compression, an outer step or a reset of its
// momentum changes.
inline bool averages(const TrainConfig& c) {
  return c.workers > 1 || c.compress != "none" || has_outer_step(c) || c.sync_momentum == "reset";
}

// Epochs at which the learning rate drops.
inline std::vector<double> drop_epochs(const TrainConfig& c) {
  std::vector<double> epochs = c.drop_epochs;
  for (const double fraction : c.drops) epochs.push_back(fraction * double(c.epochs));
  return epochs;
}

// The table: one option for each member of `config`, in the order of --help.
OptionList config_options(TrainConfig& config);
void list_augmentation(OptionList& list, TrainConfig& config);  // a part of it

// Kind of start: a new run; a run that continues with the same bits; a run whose workers all start again from the
// average of their models.
enum class Start : uint8_t { fresh, resumed, from_consensus };

// Makes the paths absolute, so that the configuration means the same from every folder.
void settle_paths(TrainConfig& config);

// BadInput names the first setting of `config` that is not that of the run it should go on with, unless it may change.
void require_same_settings(const TrainConfig& config, const TrainConfig& of_run, const std::string& run);

// Copies the members named in `given` from `flags` to `config`. BadInput for a flag that would change the numbers of a
// resumed run.
void apply_flags(const std::set<std::string>& given, const TrainConfig& flags, Start start, TrainConfig& config);

// Every value as text by its flag, in the order of --help.
std::vector<std::pair<std::string, std::string>> config_values(const TrainConfig& config);

// Copies the values of a TOML file to `config`. BadInput names file, line, key and fix.
void read_config(const std::string& path, TrainConfig& config);
void parse_config(const std::string& text, const std::string& path, TrainConfig& config);

std::string to_toml(const TrainConfig& config);

// Every key of a TOML file with its value as text, whatever this version makes of it; texts without quotes. BadInput
// where the text is not TOML.
std::map<std::string, std::string> toml_settings(const std::string& text, const std::string& path);

}  // namespace skein
