#include "train/validate.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include "base/check.h"
#include "base/terminal/printable.h"
#include "comm/elastic_options.h"
#include "data/loading/partition.h"
#include "local_sgd/compressor.h"
#include "local_sgd/network_model.h"
#include "local_sgd/sync_momentum.h"
#include "local_sgd/sync_schedule.h"
#include "models/model.h"
#include "models/model_traits.h"
#include "train/averaged_model.h"
#include "train/machine/gpus.h"
#include "train/machine/machine.h"

namespace skein {
namespace {

void check_values(const TrainConfig& config) {
  TrainConfig copy = config;
  for (const Option& option : config_options(copy)) check(option, option.flag());
}

void check_processes(const TrainConfig& c, int64_t processes) {
  if (c.workers % processes != 0)
    throw BadInput(
        "--workers {}: {} processes were started together, which cannot have as many each. Give a multiple of {}, or "
        "start a number of processes that divides {}",
        c.workers, processes, processes, c.workers);
  if (processes == 1) return;
  const int64_t each = c.workers / processes, block = sync_schedule(c).block_size;
  if (block > 0 && block % each != 0 && each % block != 0)
    throw BadInput(
        "--sync {}: {} processes have {} workers each, and a block of {} would be of parts of them. Give a block that "
        "divides {} or is a multiple of it, or start another number of processes",
        c.sync, processes, each, block, each);
}

// Makes the model without memory for its parameters; classes and channels do not matter here.
void check_model(const TrainConfig& c) {
  if (c.whiten_stem && !c.init.empty())
    throw BadInput("--whiten-stem: --init {} sets the first convolution already; leave one of them out", c.init);
  ParameterStore unbuilt;
  ModelOptions options;
  options.shortcut = letter_of(c.shortcut);
  options.dropout = float(c.dropout);
  make_model(c.model, options, unbuilt);
}

void check_averaged_gradients(const TrainConfig& c) {
  if (parse_compression(c.compress).form != Compression::none || has_outer_step(c))
    throw BadInput(
        "--average gradients: gradients travel as f32 and without outer momentum. Leave out --compress and "
        "--outer-..., or give --average models");
  if (c.noise > 0)
    throw BadInput(
        "--average gradients: --noise is added to each worker's own gradient. Leave it out, or give --average models");
  if (c.sync_momentum != "keep")
    throw BadInput(
        "--average gradients: the workers' momenta are equal already. Leave out --sync-momentum {}, or give --average "
        "models",
        c.sync_momentum);
}

void check_drops(const TrainConfig& c) {
  if (!c.drops.empty() && !c.drop_epochs.empty())
    throw BadInput("--drops and --drop-epochs: both say when the rate drops; give one of them");
  for (const double epoch : c.drop_epochs)
    if (epoch >= double(c.epochs))
      throw BadInput("--drop-epochs: {} is not before the end of the run of {}; give earlier epochs", epoch,
                     counted(c.epochs, "epoch"));
}

void check_outer_step(const TrainConfig& c, const SyncSchedule& schedule) {
  if (!has_outer_step(c) && c.outer_form != OuterForm::diloco)
    throw BadInput("--outer-form {}: there is no outer step; give --outer-momentum or --outer-rate, or leave it out",
                   to_string(c.outer_form));
  if (c.outer_from != OuterFrom::switch_point) return;
  if (!has_outer_step(c))
    throw BadInput(
        "--outer-from switch: there is no outer step; give --outer-momentum or --outer-rate, or leave it out");
  if (schedule.switch_epoch == 0)
    throw BadInput(
        "--outer-from switch: --sync {} has no switch; give post-local:H=..., or hierarchical or reverse with "
        "from=EPOCH, or --outer-from start",
        c.sync);
}

void check_sync_momentum(const TrainConfig& c) {
  if (parse_sync_momentum(c.sync_momentum).form == SyncMomentum::keep) return;
  if (c.optimizer == OptimizerKind::sgd && c.momentum == 0)
    throw BadInput("--sync-momentum {}: does nothing with --momentum 0. Leave one of them out", c.sync_momentum);
}

void check_delay(const TrainConfig& c) {
  if (device_of(c.device) == Device::cuda)
    throw BadInput("--sync {}: averagings are delayed on the CPU only. Leave delay out, or give --device cpu", c.sync);
  if (parse_sync_momentum(c.sync_momentum).form == SyncMomentum::average)
    throw BadInput(
        "--sync {}: a delayed averaging is of the models alone. Leave delay out, or --sync-momentum {}; keep and reset "
        "go with a delay",
        c.sync, c.sync_momentum);
}

// Refuses what the members of an elastic run do not agree on between two rounds, or do not copy to a newcomer.
void check_elastic(const TrainConfig& c) {
  parse_elastic(c.elastic);
  const SyncSchedule s = sync_schedule(c);
  if (!c.sync.starts_with("local:") || s.delay > 0 || s.warm_up.shape != WarmUp::none)
    throw BadInput("--elastic: goes with plain local SGD only. Give --sync local:H=N in place of '{}'", c.sync);
  const auto refuse = [](bool given, const char* flag, const char* fix) {
    if (given) throw BadInput("--elastic: does not go with {} yet. {}", flag, fix);
  };
  refuse(c.workers != 1, "--workers", "Leave it out, and start as many processes as there should be members");
  refuse(parse_compression(c.compress).form != Compression::none, "--compress", "Leave it out");
  refuse(c.average != Averaging::models, "--average gradients", "Leave it out");
  refuse(c.sync_momentum != "keep", "--sync-momentum", "Leave it out: newcomers begin without momentum");
  refuse(c.outer_from != OuterFrom::start, "--outer-from switch", "Leave it out");
  refuse(c.partition != "global", "--partition", "Leave it out: every round gives out the samples anew");
  refuse(c.bn_stats != "average", "--bn-stats", "Leave it out: running statistics are averaged with the models");
  refuse(c.eval_local == EvalLocal::every, "--eval-local every", "Leave it out");
  refuse(c.mixup > 0 || c.cutmix > 0, "--mixup and --cutmix", "Leave them out");
  refuse(c.ema > 0, "--ema", "Leave it out");
  refuse(c.freeze != Freeze::none, "--freeze", "Leave it out");
  refuse(c.whiten_stem || !c.init.empty(), "--init and --whiten-stem", "Leave them out");
  refuse(!c.net.empty(), "--net", "Leave it out");
  refuse(c.parallel > 0, "--parallel", "Leave it out");
  refuse(c.checkpoint_async, "--checkpoint-async", "Leave it out: the others go on while the chair writes");
  refuse(!c.gpus.empty(), "--gpus", "Leave it out: a member has one GPU. CUDA_VISIBLE_DEVICES says which");
}

void check_local_sgd(const TrainConfig& c) {
  parse_partition(c.partition);
  parse_bn_statistics(c.bn_stats);
  check_sync_momentum(c);
  parse_compression(c.compress);
  if (!c.net.empty()) parse_network(fmt::format("{}", fmt::join(c.net, ";")));
  const SyncSchedule schedule = sync_schedule(c);
  if (schedule.warm_up.restart && std::isinf(rate_schedule(c).first_drop()))
    throw BadInput("--sync {}: restart follows the drops of the learning rate, and there is none. Leave restart out",
                   c.sync);
  check_sync(schedule, c.workers, double(c.epochs));
  if (schedule.delay > 0) check_delay(c);
  check_outer_step(c, schedule);
  if (c.average == Averaging::gradients) check_averaged_gradients(c);
  if (!c.elastic.empty()) check_elastic(c);
}

void check_augmentation(const TrainConfig& c) {
  if (c.cutout > 0 && c.random_erase > 0)
    throw BadInput("--cutout {}: is the simple form of --random-erase. Give one of the two", c.cutout);
  if (c.cutout % 2 != 0) throw BadInput("--cutout {}: the side of the square must be even", c.cutout);
  const bool mixes = c.mixup > 0 || c.cutmix > 0;
  if (!mixes && c.mix_probability != 1)
    throw BadInput("--mix-probability {}: does nothing without --mixup or --cutmix. Give one of them, or leave it out",
                   c.mix_probability);
  if (mixes && c.batch == 1)
    throw BadInput("--batch 1: --mixup and --cutmix mix the images of a batch in pairs. Give a batch of at least 2");
  if (!c.augment && c.crop_padding != TrainConfig{}.crop_padding)
    throw BadInput("--crop-padding {}: does nothing with --no-augment. Leave one of them out", c.crop_padding);
  if (!c.augment && c.flip != Flip::random)
    throw BadInput("--flip {}: does nothing with --no-augment. Leave one of them out", to_string(c.flip));
}

// Refuses what the optimiser does not use.
void check_optimizer(const TrainConfig& c) {
  const TrainConfig defaults;
  if (c.optimizer == OptimizerKind::adamw) {
    if (c.momentum != defaults.momentum || c.nesterov != defaults.nesterov)
      throw BadInput("--optimizer adamw: has --beta1 in place of a momentum. Leave out --momentum and --no-nesterov");
    if (c.sign_step) throw BadInput("--optimizer adamw: --sign-step is a form of SGD. Leave it out");
    if (c.lars > 0) throw BadInput("--optimizer adamw: --lars scales the gradients of SGD. Leave it out");
  } else if (c.beta1 != defaults.beta1 || c.beta2 != defaults.beta2 || c.epsilon != defaults.epsilon) {
    throw BadInput("--optimizer sgd: --beta1, --beta2 and --epsilon are AdamW's. Leave them out, or give adamw");
  }
}

// Refuses what the shape of the learning rate does not use.
void check_rate(const TrainConfig& c) {
  const TrainConfig defaults;
  const auto shape = [&] { return fmt::format("--lr-schedule {}", to_string(c.lr_schedule)); };
  const bool drops = c.lr_schedule == RateShape::drops, cosine = c.lr_schedule == RateShape::cosine;
  const bool one_cycle = c.lr_schedule == RateShape::one_cycle;
  if (!drops && (c.drops != defaults.drops || c.drop_factor != defaults.drop_factor))
    throw BadInput("{}: the rate has no drops. Leave out --drops and --drop-factor", shape());
  if (!cosine && c.min_lr != 0) throw BadInput("{}: --min-lr is the end of a cosine. Leave it out", shape());
  if (!one_cycle && c.rise != defaults.rise) throw BadInput("{}: --rise is one cycle's. Leave it out", shape());
  if (one_cycle && (c.warmup_from != 0 || c.warmup_epochs != defaults.warmup_epochs))
    throw BadInput("{}: the cycle begins with a warm-up of its own. Leave out --warmup-..., or give --rise", shape());
  const double peak = rate_schedule(c).peak();
  for (const auto& [flag, rate] : {std::pair{"--min-lr", c.min_lr}, {"--warmup-from", c.warmup_from}})
    if (rate > peak)
      throw BadInput("{} {:g}: is above the highest learning rate, {:g}. Give a lower one", flag, rate, peak);
}

}  // namespace

void check_against(const TrainConfig& c, const Dataset& data) {
  if (!c.elastic.empty() && data.is_encoded())
    throw BadInput(
        "--elastic: does not go yet with dataset '{}', whose images are decoded while training. Give images that lie "
        "in memory, such as CIFAR or a packed file",
        data.name);
  if (data.is_encoded() && c.crop_padding != TrainConfig{}.crop_padding)
    throw BadInput(
        "--crop-padding {}: does nothing for dataset '{}', whose images are cropped out of larger ones. Leave it out",
        c.crop_padding, data.name);
  if (c.cutout >= std::min(data.height(), data.width()))
    throw BadInput("--cutout {}: the images of dataset '{}' are {} x {}. Give a smaller square", c.cutout, data.name,
                   data.height(), data.width());
}

void refuse_idle_settings(const TrainConfig& c, const Dataset& train) {
  const ModelTraits has = traits_of(c.model);
  const TrainConfig usual;
  if (c.dropout > 0 && !has.dropout)
    throw BadInput("--dropout {}: {} has no dropout, only DenseNets and wide ResNets have; leave it out", c.dropout,
                   c.model);
  for (const auto& [flag, on] : {std::pair{"--dropout", c.dropout > 0}, {"--recompute", c.recompute}})
    if (on && c.freeze == Freeze::all_but_classifier)
      throw BadInput("{}: does nothing with --freeze all-but-classifier, as no block is trained; leave it out", flag);
  if (c.zero_gamma && !has.zero_gamma) throw BadInput("--zero-gamma: {} has no residual blocks; leave it out", c.model);
  if (c.shortcut != usual.shortcut && !has.shortcut)
    throw BadInput("--shortcut {}: {} has no choice of shortcuts, only ResNets have; leave it out",
                   to_string(c.shortcut), c.model);
  if (c.crop != usual.crop && !train.is_encoded())
    throw BadInput(
        "--crop {}: the images of {} have their size, {} x {}; only shards and ImageNet are cropped. Leave "
        "it out",
        c.crop, c.data, train.height(), train.width());
  if (c.resize != usual.resize && (train.is_encoded() || !std::filesystem::is_directory(c.data)))
    throw BadInput("--resize {}: only the images of a folder are resized, and {} is none. Leave it out", c.resize,
                   c.data);
}

void validate(const TrainConfig& config, int64_t processes) {
  check_values(config);
  check_processes(config, processes);
  check_device(config.device, config.dtype);
  check_gpus(config, processes);
  check_conv(device_of(config.device), config.conv, config.dtype);
  check_model(config);
  check_augmentation(config);
  check_optimizer(config);
  check_rate(config);
  check_drops(config);
  check_local_sgd(config);
}

}  // namespace skein
