#include "apps/reproduce/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "apps/train.h"
#include "base/check.h"
#include "base/terminal/shell_words.h"
#include "local_sgd/sync_schedule.h"
#include "train/training_data.h"

namespace skein {
namespace {

// "{0.25}" stands for a quarter of the epochs.
std::string with_epochs(std::string flag, int64_t epochs, const std::string& setting) {
  for (size_t open = flag.find('{'); open != std::string::npos; open = flag.find('{', open)) {
    const size_t close = flag.find('}', open);
    const std::string part = close == std::string::npos ? "" : flag.substr(open + 1, close - open - 1);
    char* end = nullptr;
    const double fraction = std::strtod(part.c_str(), &end);
    if (part.empty() || *end != '\0' || !(fraction >= 0 && fraction <= 1))
      throw BadInput("{}: {}: write a part of the epochs between 0 and 1 in braces, as in {{0.25}}", setting, flag);
    flag.replace(open, close - open + 1, fmt::format("{:g}", fraction * double(epochs)));
  }
  return flag;
}

std::vector<std::string> flags_of(const PresetSetting& setting, int64_t epochs) {
  std::vector<std::string> flags;
  for (const std::string& flag : setting.flags) flags.push_back(with_epochs(flag, epochs, setting.name));
  return flags;
}

// Flags that all runs of the preset share. Without `options`: as the preset says it, without places.
std::vector<std::string> train_part(const Preset& p, int64_t epochs, const StudyOptions& options) {
  std::vector<std::string> train = {"train", fmt::format("--data={}", options.data.empty() ? p.data : options.data)};
  if (!options.data_dir.empty()) train.push_back("--data-dir=" + options.data_dir);
  train.insert(train.end(), p.train.begin(), p.train.end());
  train.push_back(fmt::format("--epochs={}", epochs));
  if (p.warmup_epochs != TrainConfig().warmup_epochs)
    train.push_back(fmt::format("--warmup-epochs={}", p.warmup_epochs));
  if (options.device != DeviceChoice::automatic) train.push_back("--device=" + to_string(options.device));
  if (options.dtype != ComputeType::f32) train.push_back("--dtype=" + to_string(options.dtype));
  train.push_back(fmt::format("--seed={}", p.first_seed));
  return train;
}

std::string rate_flag(double rate) { return fmt::format("--lr={:g}", rate); }

SweepPlan plan_of(const Preset& p, int64_t epochs, int64_t seeds, const StudyOptions& options,
                  std::vector<SweepChoice> choices) {
  return {train_part(p, epochs, options), {{"variant", std::move(choices)}}, seeds, p.first_seed};
}

// The command that anyone can type: the preset's data by its name, no folder.
std::string command_of(const Preset& p, int64_t epochs, const StudyOptions& options,
                       const std::vector<std::string>& own, int64_t seed) {
  StudyOptions without = options;
  without.data.clear();
  without.data_dir.clear();
  std::vector<std::string> words = train_part(p, epochs, without);
  words.insert(words.begin(), "skein");
  words.pop_back();
  words.insert(words.end(), own.begin(), own.end());
  words.push_back(fmt::format("--seed={}", seed));
  return shell_words(words);
}

TrainConfig config_of(const SweepSetting& setting, const std::string& name) {
  try {
    const ParsedTrain parsed = parse_train(setting.flags);
    refuse_own_flags(parsed.given);
    return parsed.config;
  } catch (const BadInput& e) {
    throw BadInput("{}: {}", name, e.what());
  }
}

// A schedule with a switch has both of its parts: a step at H = 1, and a whole round among all workers at H.
void check_switch(const Preset& p, const std::string& name, const TrainConfig& config) {
  const SyncSchedule schedule = sync_schedule(config);
  if (schedule.switch_epoch == 0) return;
  const int64_t per_epoch = steps_per_epoch(config, p.images), all = config.epochs * per_epoch;
  const int64_t before = std::min(all, switch_step(schedule, per_epoch)), after = all - before;
  const int64_t local = schedule.reversed ? before : after, round = schedule.local_steps * schedule.block_steps;
  if (local >= round && all > local) return;
  throw BadInput(
      "{}: --sync {} in {} epochs of {} steps: {} steps are local, and a round has {}. Give a larger --scale, or give "
      "the preset more epochs",
      name, config.sync, config.epochs, per_epoch, local, round);
}

// The settings of one plan with their runs, each with its record where there is one.
std::vector<StudySetting> settings_with_runs(const Preset& p, const SweepPlan& plan, const std::string& folder,
                                             const StudyOptions& options, const std::vector<RunRecord>& records) {
  std::vector<StudySetting> settings;
  std::vector<TrainConfig> configs;
  const std::vector<SweepSetting> of_plan = settings_of(plan);
  for (size_t i = 0; i < of_plan.size(); ++i) {
    const SweepChoice& choice = plan.axes[0].choices[i];
    settings.push_back({.name = choice.text, .flags = shell_words(choice.flags)});
    configs.push_back(config_of(of_plan[i], choice.text));
    check_switch(p, choice.text, configs.back());
  }
  for (const SweepRun& run : runs_of(plan, folder)) {
    StudySetting& setting = settings[run.setting];
    StudyRun planned{run, configs[run.setting], {}};
    planned.config.seed = run.seed;
    const std::string hash = config_hash(planned.config);
    const auto kept = std::find_if(records.begin(), records.end(), [&](const RunRecord& r) {
      return r.setting == setting.name && r.seed == run.seed && r.hash == hash;
    });
    planned.record = read_record(run.folder, run.seed, planned.config);
    if (planned.record) {
      planned.record->setting = setting.name;
      planned.record->command =
          command_of(p, planned.config.epochs, options, plan.axes[0].choices[run.setting].flags, run.seed);
      const bool same_run = kept != records.end() && kept->started == planned.record->started;
      if (same_run && !planned.record->eigenvalue) planned.record->eigenvalue = kept->eigenvalue;
    } else if (kept != records.end()) {
      planned.record = *kept;
    }
    setting.runs.push_back(std::move(planned));
  }
  return settings;
}

std::string grid_name(const PresetSetting& setting, double rate) {
  return fmt::format("{}-lr-{:g}", setting.name, rate);
}

// The best rate of a tuned setting; none while runs are missing. BadInput where no run of it could be finished.
std::optional<double> chosen_rate(const Study& study, const PresetSetting& setting) {
  std::optional<double> best;
  double best_top1 = -1;
  for (const double rate : setting.rates)
    for (const StudySetting& s : study.grid) {
      if (s.name != grid_name(setting, rate)) continue;
      const std::optional<RunRecord>& record = s.runs[0].record;
      if (!record) return std::nullopt;
      if (!record->failed.empty() || record->last_top1() <= best_top1) continue;
      best = rate;
      best_top1 = record->last_top1();
    }
  if (!best) throw BadInput("{}: no run of its grid could be finished. Give the preset lower rates", setting.name);
  return best;
}

bool is_tuned(const Preset& p, const std::string& setting) {
  return std::any_of(p.settings.begin(), p.settings.end(),
                     [&](const PresetSetting& s) { return s.name == setting && !s.rates.empty(); });
}

std::vector<StudySetting> survey_grid(const Preset& p, const StudyOptions& options,
                                      const std::vector<RunRecord>& records) {
  std::vector<SweepChoice> choices;
  for (const PresetSetting& s : p.settings)
    for (const double rate : s.rates) {
      choices.push_back({grid_name(s, rate), flags_of(s, p.grid_epochs)});
      choices.back().flags.push_back(rate_flag(rate));
    }
  if (choices.empty()) return {};
  return settings_with_runs(p, plan_of(p, p.grid_epochs, 1, options, choices), options.out + "/grid", options, records);
}

}  // namespace

Preset scaled(Preset p, const StudyOptions& options) {
  const auto scale = [&](int64_t epochs) { return std::llround(double(epochs) * options.scale); };
  if (options.seeds > 0) p.seeds = options.seeds;
  if (options.scale == 1) return p;
  if (scale(p.epochs) < 1 || (p.grid_epochs > 0 && scale(p.grid_epochs) < 1))
    throw BadInput("--scale {:g}: leaves {} of {} epochs less than one. Give a larger one", options.scale, p.name,
                   p.grid_epochs > 0 ? p.grid_epochs : p.epochs);
  p.epochs = scale(p.epochs);
  p.grid_epochs = scale(p.grid_epochs);
  p.warmup_epochs *= options.scale;
  return p;
}

Study survey(const Preset& p, const StudyOptions& options, const std::vector<RunRecord>& records) {
  Study study{.preset = p, .scale = options.scale, .grid = survey_grid(p, options, records), .settings = {}};
  std::vector<SweepChoice> choices;
  std::vector<StudySetting> waiting;
  for (const PresetSetting& s : p.settings) {
    SweepChoice choice{s.name, flags_of(s, p.epochs)};
    if (!s.rates.empty()) {
      const std::optional<double> rate = chosen_rate(study, s);
      if (rate) {
        choice.flags.push_back(rate_flag(*rate));
        for (StudySetting& g : study.grid) g.chosen = g.chosen || g.name == grid_name(s, *rate);
      } else
        waiting.push_back({.name = s.name, .flags = shell_words(choice.flags), .waits = true});
      if (!rate) continue;
    }
    choices.push_back(choice);
  }
  const SweepPlan plan = plan_of(p, p.epochs, p.seeds, options, choices);
  std::vector<StudySetting> planned = settings_with_runs(p, plan, options.out, options, records);
  // A tuned setting with the rate of one that is not tuned has its runs.
  std::map<std::string, std::string> by_hash;
  const auto name_of_runs = [&](const StudySetting& s) {
    return by_hash.emplace(config_hash(s.runs[0].config), s.name).first->second;
  };
  for (const StudySetting& s : planned)
    if (!is_tuned(p, s.name)) name_of_runs(s);
  for (const PresetSetting& s : p.settings) {
    const auto named = [&](const StudySetting& x) { return x.name == s.name; };
    const auto found = std::find_if(planned.begin(), planned.end(), named);
    if (found == planned.end()) {
      study.settings.push_back(*std::find_if(waiting.begin(), waiting.end(), named));
      continue;
    }
    if (const std::string first = name_of_runs(*found); first != s.name) {
      found->same_as = first;
      found->runs.clear();
    }
    study.settings.push_back(std::move(*found));
  }
  return study;
}

const StudySetting& Study::runs_of(const std::string& name) const {
  const auto found = std::find_if(settings.begin(), settings.end(), [&](const auto& s) { return s.name == name; });
  CHECK(found != settings.end(), "no setting {}", name);
  return found->same_as.empty() ? *found : runs_of(found->same_as);
}

std::vector<const StudyRun*> Study::missing() const {
  std::vector<const StudyRun*> runs;
  const auto add = [&](const StudySetting& s, size_t seed) {
    if (seed < s.runs.size() && !s.runs[seed].record) runs.push_back(&s.runs[seed]);
  };
  for (const StudySetting& s : grid) add(s, 0);
  for (size_t seed = 0; seed < size_t(preset.seeds); ++seed)
    for (const StudySetting& s : settings) add(s, seed);
  return runs;
}

int64_t Study::waiting() const {
  return preset.seeds * std::count_if(settings.begin(), settings.end(), [](const auto& s) { return s.waits; });
}

std::vector<const RunRecord*> Study::done(const StudySetting& setting) const {
  std::vector<const RunRecord*> records;
  for (const StudyRun& run : (setting.same_as.empty() ? setting : runs_of(setting.name)).runs)
    if (run.record && run.record->failed.empty()) records.push_back(&*run.record);
  return records;
}

std::string title_of(const Study& study) {
  if (study.scale == 1) return study.preset.name;
  return fmt::format("{}, scale {:g}: {} epochs", study.preset.name, study.scale, study.preset.epochs);
}

}  // namespace skein
