#include "train/config/config.h"

#include <fmt/format.h>

#include "base/check.h"
#include "data/loading/loader.h"

namespace skein {

LearningRateSchedule rate_schedule(const TrainConfig& c) {
  LearningRateSchedule s{c.lr, c.base_batch, double(c.batch * c.accumulate), double(c.workers), c.warmup_epochs,
                         {},   c.drop_factor};
  if (c.lr_schedule == RateShape::drops) s.drops = drop_epochs(c);
  s.scaling = c.lr_scaling;
  s.shape = c.lr_schedule;
  s.epochs = double(c.epochs);
  s.min_rate = c.min_lr;
  s.warmup_from = c.warmup_from;
  s.rise = c.rise;
  return s;
}

void apply_flags(const std::set<std::string>& given, const TrainConfig& flags, Start start, TrainConfig& config) {
  TrainConfig asked = flags;
  const OptionList from = config_options(asked), to = config_options(config);
  for (size_t i = 0; i < from.options().size(); ++i) {
    const Option &option = from.options()[i], &target = to.options()[i];
    if (!given.contains(option.name)) continue;
    const bool same = same_value(option, target);
    if (!same && start != Start::fresh && option.rules.resume == Resume::fixed)
      throw BadInput("{}: a resumed run keeps its own; leave the flag out, or start a new run with --config",
                     option.flag());
    if (!same && start == Start::resumed && option.rules.resume == Resume::restart)
      throw BadInput(
          "{}: a resumed run keeps its own, because each worker has momentum and data of its own; leave the flag out, "
          "or give --from-consensus to start the workers again from their average",
          option.flag());
    copy_value(option, target);
  }
  if (given.contains("drops") && given.contains("drop-epochs"))
    throw BadInput("--drops and --drop-epochs: both say when the rate drops; give one of them");
  if (given.contains("drops")) config.drop_epochs.clear();
  if (given.contains("drop-epochs")) config.drops.clear();
}

LoaderOptions augmentation_options(const TrainConfig& c) {
  LoaderOptions options;
  options.augment = c.augment;
  options.padding = int32_t(c.crop_padding);
  options.trivial_augment = c.trivial_augment;
  options.erase = {c.random_erase, c.cutout};
  options.mix = {c.mixup, c.cutmix, c.mix_probability};
  return options;
}

std::vector<std::pair<std::string, std::string>> config_values(const TrainConfig& config) {
  TrainConfig copy = config;
  std::vector<std::pair<std::string, std::string>> all;
  for (const Option& option : config_options(copy)) all.emplace_back(option.flag(), text_of(option));
  return all;
}

}  // namespace skein
