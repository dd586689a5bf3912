#include "train/config/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/check.h"
#include "data/dataset.h"
#include "data/loading/loader.h"

namespace skein {
namespace fs = std::filesystem;

void settle_paths(TrainConfig& config) {
  const auto settle = [](std::string& path) { path = fs::absolute(path).lexically_normal().string(); };
  const std::vector<std::string> names = known_datasets();
  const bool named = std::find(names.begin(), names.end(), config.data) != names.end();
  if (!named && fs::exists(config.data)) settle(config.data);
  if (named && config.data_dir.empty() && is_in_current_folder(config.data)) config.data_dir = ".";
  if (!config.data_dir.empty()) settle(config.data_dir);
  if (!config.init.empty()) settle(config.init);
}

void require_same_settings(const TrainConfig& config, const TrainConfig& of_run, const std::string& run) {
  TrainConfig asked = config, stored = of_run;
  if (asked.init_digest.empty()) asked.init_digest = stored.init_digest;
  const OptionList now = config_options(asked), then = config_options(stored);
  for (size_t i = 0; i < now.options().size(); ++i) {
    const Option &option = now.options()[i], &before = then.options()[i];
    if (option.rules.resume != Resume::free && !same_value(option, before))
      throw BadInput("{0}: is '{1}', but the run in {2} has '{3}'. Give {0} {3}, or another --out", option.flag(),
                     text_of(option), run, text_of(before));
  }
}

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
    if (!same && start != Start::fresh && option.rules.resume == Resume::extend && !given.contains("epochs"))
      throw BadInput("{}: a resumed run keeps its own, unless --epochs N makes it longer or shorter; give both",
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
  options.flip = c.flip;
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
