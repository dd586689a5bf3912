// OUT/reproduce.json, and the data of a preset.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "apps/reproduce/study.h"
#include "base/check.h"
#include "base/files.h"
#include "data/dataset.h"
#include "train/run/run.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

constexpr int kSchema = 1;

// Text that is another where the preset's runs are: flags of a setting, and the rates of its grid.
std::string describe(const Preset& p, const PresetSetting& s) {
  std::string text = fmt::format("{} {} epochs", fmt::join(p.train, " "), p.epochs);
  for (const std::string& flag : s.flags) text += " " + flag;
  if (!s.rates.empty()) text += fmt::format(" lr {} in {} epochs", fmt::join(s.rates, " "), p.grid_epochs);
  return text;
}

Json to_json(const Study& study) {
  Json settings = Json::object();
  for (const PresetSetting& s : study.preset.settings) settings[s.name] = describe(study.preset, s);
  return {{"schema", kSchema}, {"preset", study.preset.name}, {"scale", study.scale}, {"settings", settings}};
}

void check_same(const Json& there, const Json& here, const std::string& out) {
  const auto refuse = [&](const std::string& what, const Json& other, const Json& own) {
    throw BadInput("--out {}: has {} {}, and this is {}. Give another folder", out, what, other.dump(), own.dump());
  };
  if (there.at("schema") != here.at("schema")) refuse("a study of schema", there.at("schema"), here.at("schema"));
  if (there.at("preset") != here.at("preset")) refuse("runs of the preset", there.at("preset"), here.at("preset"));
  if (there.at("scale") != here.at("scale")) refuse("runs at scale", there.at("scale"), here.at("scale"));
  for (const auto& [name, flags] : there.at("settings").items()) {
    if (!here.at("settings").contains(name))
      throw BadInput("--out {}: has runs of the setting {}, which the preset lacks: it was edited. Give another folder",
                     out, name);
    if (here.at("settings").at(name) != flags)
      refuse(fmt::format("the setting {} of an edited preset,", name), flags, here.at("settings").at(name));
  }
}

constexpr std::pair<const char*, const char*> kSources[] = {
    {"cifar10", "https://www.cs.toronto.edu/~kriz/cifar.html has the binary version"},
    {"cifar100", "https://www.cs.toronto.edu/~kriz/cifar.html has the binary version"},
    {"imagenet", "https://image-net.org has it, for those who register"}};

std::string source_of(const std::string& data) {
  for (const auto& [name, source] : kSources)
    if (data == name) return fmt::format("; {}", source);
  return "";
}

}  // namespace

void check_folder(const Study& study, const std::string& out) {
  const std::string file = out + "/reproduce.json";
  if (fs::exists(file)) try {
      return check_same(Json::parse(read_text(file)), to_json(study), out);
    } catch (const JsonError& e) {
      throw BadInput("{}: is not what skein reproduce has written ({}). Restore it, or give another --out", file,
                     e.what());
    }
  if (!fs::exists(out)) return;
  const auto is_own = [&](const std::string& name) {
    return name == "grid" || std::any_of(study.preset.settings.begin(), study.preset.settings.end(),
                                         [&](const PresetSetting& s) { return s.name == name; });
  };
  if (const std::string other = foreign_entry(out, is_own); !other.empty())
    throw BadInput("--out {}: has {}, which is no setting of {}. Give another folder", out, other, study.preset.name);
}

void write_study(const Study& study, const std::string& out) {
  write_text(out + "/reproduce.json", to_json(study).dump(2) + "\n");
}

void check_data(const Preset& p, const StudyOptions& options) {
  TrainConfig config;
  config.data = options.data.empty() ? p.data : options.data;
  config.data_dir = options.data_dir;
  const std::string data = config.data;
  const auto open = [&] {
    try {
      return open_dataset(config.data, dataset_options(config));
    } catch (const BadInput& e) {
      throw BadInput("{} needs {}{}. {}", p.name, p.data, source_of(p.data), e.what());
    }
  };
  if (p.data == "synthetic") return;
  const Splits splits = open();
  const int64_t train = splits.train.size(), test = splits.test.size(), classes = int64_t(splits.train.classes.size());
  if (train != p.images || test != p.test_images || classes != p.classes)
    throw BadInput(
        "--data {}: has {} training and {} test images of {} classes; {} is for {}, with {}, {} and {}. Give that{}",
        data, train, test, classes, p.name, p.data, p.images, p.test_images, p.classes, source_of(p.data));
}

}  // namespace skein
