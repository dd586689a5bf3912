#include "apps/sweep/sweep_plan.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "apps/train.h"
#include "base/check.h"
#include "base/files.h"
#include "base/terminal/nearest.h"

namespace skein {
namespace {

constexpr int64_t kMostRuns = 10'000;
constexpr size_t kLongestName = 150;  // of a folder; file systems take 255 bytes
constexpr const char* kVariant = "variant";

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

// "NAME=REST"
std::pair<std::string, std::string> at_equals_sign(const std::string& flag, const std::string& text,
                                                   const char* example) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
    throw BadInput("{} {}: has no name or no value. Give both, as in {}", flag, text, example);
  return {text.substr(0, equals), text.substr(equals + 1)};
}

// True where a comma separates the parts of one value.
bool takes_list(const std::string& name) {
  TrainConfig config;
  const OptionList list = config_options(config);
  std::vector<std::string> known;
  for (const Option& option : list) {
    if (option.name == name)
      return std::holds_alternative<std::vector<double>*>(option.variable) ||
             std::holds_alternative<std::vector<std::string>*>(option.variable);
    known.push_back(option.name);
  }
  const std::string guess = nearest(name, known);
  throw BadInput("--set {0}: skein train has no setting --{0}. {1}", name,
                 guess.empty() ? "They are listed by skein train --help" : "Did you mean " + guess + "?");
}

void refuse_repetition(const std::string& flag, const SweepAxis& axis) {
  std::set<std::string> seen;
  for (const SweepChoice& c : axis.choices)
    if (!seen.insert(c.text).second) throw BadInput("{}: {} is given twice. Leave one out", flag, c.text);
}

bool is_plain(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || std::string_view("._=+-").find(c) != std::string_view::npos;
}

std::string plain(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return !is_plain(c); }, '-');
  return text;
}

std::string folder_name(const std::vector<SweepAxis>& axes, const std::vector<std::string>& choices) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < axes.size(); ++i)
    parts.push_back(plain(axes[i].name == kVariant ? choices[i] : axes[i].name + "=" + choices[i]));
  return parts.empty() ? "setting" : fmt::format("{}", fmt::join(parts, "_"));
}

// Different choices may have one plain text, or one that is too long for a file system.
void make_folders_differ(std::vector<SweepSetting>& settings) {
  std::set<std::string> taken;
  for (SweepSetting& s : settings) {
    const std::string name = s.folder.substr(0, kLongestName);
    s.folder = name;
    for (int i = 2; !taken.insert(s.folder).second; ++i) s.folder = fmt::format("{}-{}", name, i);
  }
}

std::string name_of(const SweepPlan& plan, const SweepSetting& setting) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < plan.axes.size(); ++i) parts.push_back(plan.axes[i].name + "=" + setting.choices[i]);
  return fmt::format("{}", fmt::join(parts, " "));
}

// A flag has one place: on one axis or, but for variants, which change what all runs share, in the train part.
void refuse_flags_in_two_places(const SweepPlan& plan, const std::set<std::string>& shared) {
  std::set<std::string> of_variants, names;
  for (const SweepAxis& axis : plan.axes) {
    if (axis.name != kVariant) continue;
    for (const SweepChoice& c : axis.choices) {
      std::vector<std::string> words = {"train"};
      words.insert(words.end(), c.flags.begin(), c.flags.end());
      of_variants.merge(train_flags(words));
    }
  }
  if (of_variants.contains("seed")) throw BadInput("--variant: has --seed. Give the number of seeds with --seeds");
  for (const SweepAxis& axis : plan.axes) {
    if (!names.insert(axis.name).second)
      throw BadInput("--set {}: is given twice. Give all its values at once", axis.name);
    if (shared.contains(axis.name))
      throw BadInput("--set {0}: the train part has --{0} as well. Leave one of them out", axis.name);
    if (of_variants.contains(axis.name))
      throw BadInput("--set {0}: a variant has --{0} as well. Leave one of them out", axis.name);
  }
}

}  // namespace

void refuse_own_flags(const std::set<std::string>& given) {
  for (const auto& [flag, why] : {std::pair{"out", "the sweep names the run folders"},
                                  {"resume", "the sweep goes on with its runs by itself"},
                                  {"resume-if-started", "the sweep goes on with its runs by itself"},
                                  {"from-consensus", "the sweep goes on with its runs by itself"},
                                  {"trace", "all runs would write one file"},
                                  {"limit-steps", "the runs would never be done"}})
    if (given.contains(flag)) throw BadInput("--{}: {}. Leave it out of the train part", flag, why);
}

SweepAxis parse_set(const std::string& text) {
  const auto [name, values] = at_equals_sign("--set", text, "lr=0.1,0.2");
  if (name == "seed") throw BadInput("--set seed: give the number of seeds with --seeds");
  const bool list = takes_list(name), semicolons = values.find(';') != std::string::npos;
  if (list && !semicolons && values.find(',') != std::string::npos)
    throw BadInput(
        "--set {0}: a value of --{0} may hold commas. Separate values by ';', and end a single one with it: '{0}={1};'",
        name, values);
  SweepAxis axis{name, {}};
  for (const std::string& value : split(values, semicolons ? ';' : ',')) {
    if (value.empty()) throw BadInput("--set {}: a value is empty. Give one between the separators", text);
    axis.choices.push_back({value, {fmt::format("--{}={}", name, value)}});
  }
  if (axis.choices.empty()) throw BadInput("--set {}: has no value. Give some, as in lr=0.1,0.2", text);
  refuse_repetition("--set " + name, axis);
  return axis;
}

SweepAxis parse_variants(const std::vector<std::string>& texts) {
  SweepAxis axis{kVariant, {}};
  for (const std::string& text : texts) {
    const auto [name, flags] = at_equals_sign("--variant", text, "large='--sync minibatch --batch 512'");
    if (!std::all_of(name.begin(), name.end(), is_plain) || name[0] == '.' || name[0] == '-')
      throw BadInput("--variant {}: is to be the name of a folder. Make it of letters, digits and . _ + -", name);
    SweepChoice choice{name, {}};
    std::istringstream words(flags);
    for (std::string word; words >> word;) choice.flags.push_back(word);
    axis.choices.push_back(choice);
  }
  refuse_repetition("--variant", axis);
  return axis;
}

std::vector<SweepSetting> settings_of(const SweepPlan& plan) {
  std::vector<SweepSetting> settings = {{{}, plan.train, {}}};
  for (const SweepAxis& axis : plan.axes) {
    std::vector<SweepSetting> longer;
    for (const SweepSetting& s : settings)
      for (const SweepChoice& c : axis.choices) {
        longer.push_back(s);
        longer.back().choices.push_back(c.text);
        longer.back().flags.insert(longer.back().flags.end(), c.flags.begin(), c.flags.end());
      }
    settings = std::move(longer);
  }
  for (SweepSetting& s : settings) s.folder = folder_name(plan.axes, s.choices);
  make_folders_differ(settings);
  return settings;
}

std::vector<SweepRun> runs_of(const SweepPlan& plan, const std::string& folder) {
  const std::vector<SweepSetting> settings = settings_of(plan);
  std::vector<SweepRun> runs;
  for (int64_t seed = plan.first_seed; seed < plan.first_seed + plan.seeds; ++seed)
    for (size_t i = 0; i < settings.size(); ++i) {
      SweepRun run{i, seed, fmt::format("{}/{}/seed-{}", folder, settings[i].folder, seed), settings[i].flags};
      for (const std::string& word :
           {fmt::format("--seed={}", seed), std::string("--resume-if-started"), std::string("--out"), run.folder})
        run.arguments.push_back(word);
      runs.push_back(run);
    }
  return runs;
}

void check_plan(SweepPlan& plan) {
  if (plan.train.empty() || plan.train[0] != "train")
    throw BadInput("after --: give what all runs share, as in -- train --model resnet20 --data cifar10");
  const std::set<std::string> shared = train_flags(plan.train);
  refuse_own_flags(shared);
  refuse_flags_in_two_places(plan, shared);
  double runs = double(plan.seeds);
  for (const SweepAxis& axis : plan.axes) runs *= double(axis.choices.size());
  if (runs > double(kMostRuns))
    throw BadInput("--set: these are {:.0f} runs; a sweep has at most {}. Give fewer values", runs, kMostRuns);
  std::vector<std::pair<TrainConfig, std::string>> configs;
  for (const SweepSetting& s : settings_of(plan)) {
    const std::string name = name_of(plan, s);
    ParsedTrain parsed;
    try {
      parsed = parse_train(s.flags);
      refuse_own_flags(parsed.given);
    } catch (const BadInput& e) {
      throw BadInput("{}{}{}", name, name.empty() ? "" : ": ", e.what());
    }
    for (const auto& [config, other] : configs)
      if (config == parsed.config) throw BadInput("{} and {}: are the same run. Leave one out", other, name);
    configs.emplace_back(parsed.config, name);
    plan.first_seed = parsed.config.seed;
  }
}

}  // namespace skein
