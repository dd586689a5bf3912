#include "apps/reproduce/preset.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <sstream>

#include "apps/reproduce/preset_files.h"
#include "base/check.h"
#include "base/files.h"
#include "base/terminal/nearest.h"
#include "train/config/toml.h"

namespace skein {
namespace {

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> all;
  for (std::string word; in >> word;) all.push_back(word);
  return all;
}

// One table of the file. Keys that nothing has read are refused at the end, so that none is misspelt in silence.
class TableReader {
 public:
  TableReader(const toml::table& table, const std::string& path) : table_(table), path_(path) {}

  template <class T>
  bool read(const char* key, T& to) {
    known_.insert(key);
    const toml::node* node = table_.get(key);
    if (!node) return false;
    if (!read_node(*node, to)) throw BadInput("{}: has another type. docs/reproducing.md has an example", where(key));
    return true;
  }
  template <class T>
  void require(const char* key, T& to) {
    if (!read(key, to)) throw BadInput("{}: lacks {}. Add it", place(), key);
  }
  // A list of tables: [[key]].
  std::vector<TableReader> tables(const char* key) {
    known_.insert(key);
    std::vector<TableReader> all;
    const toml::node* node = table_.get(key);
    if (!node) return all;
    if (!node->is_array_of_tables()) throw BadInput("{}: write it as [[{}]]", where(key), key);
    for (const toml::node& t : *node->as_array()) all.emplace_back(*t.as_table(), path_);
    return all;
  }
  void refuse_others() const {
    for (const auto& [key, node] : table_)
      if (!known_.contains(std::string(key.str())))
        throw BadInput("{}:{}: {}: no such key; here are {}", path_, node.source().begin.line, key.str(),
                       fmt::join(known_, ", "));
  }
  std::string place() const { return fmt::format("{}:{}", path_, table_.source().begin.line); }

 private:
  std::string where(const char* key) const {
    return fmt::format("{}:{}: {}", path_, table_.get(key)->source().begin.line, key);
  }

  const toml::table& table_;
  std::string path_;
  std::set<std::string> known_;
};

// The name is that of a folder.
void check_folder_name(const std::string& name, const std::string& place) {
  const auto is_plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || std::string_view("._+-").find(c) != std::string_view::npos;
  };
  if (name.empty() || name == "grid" || !std::isalnum(static_cast<unsigned char>(name[0])) ||
      !std::all_of(name.begin(), name.end(), is_plain))
    throw BadInput("{}: '{}' cannot be the name of a folder here. Make it of letters, digits and . _ + -, not 'grid'",
                   place, name);
}

PresetSetting setting_of(TableReader table, const Preset& preset) {
  PresetSetting setting;
  table.require("name", setting.name);
  check_folder_name(setting.name, table.place());
  std::string flags;
  table.read("flags", flags);
  setting.flags = words(flags);
  table.read("lr", setting.rates);
  table.refuse_others();
  if (!setting.rates.empty() && preset.grid_epochs == 0)
    throw BadInput("{}: {} is tuned, and there is no grid-epochs. Add it above the settings", table.place(),
                   setting.name);
  return setting;
}

void check_name(const std::string& name, const Preset& preset, const std::string& place) {
  std::vector<std::string> names;
  for (const PresetSetting& s : preset.settings) names.push_back(s.name);
  if (std::find(names.begin(), names.end(), name) == names.end())
    throw BadInput("{}: no setting is named '{}'; there are {}", place, name, fmt::join(names, ", "));
}

PresetClaim claim_of(TableReader table, const Preset& preset) {
  PresetClaim claim;
  table.require("text", claim.text);
  if (table.read("needs", claim.needs)) return table.refuse_others(), claim;
  table.require("better", claim.better);
  table.require("than", claim.than);
  for (const std::string& name : {claim.better, claim.than}) check_name(name, preset, table.place());
  std::vector<std::string> measures;
  table.require("measures", measures);
  for (const std::string& name : measures) {
    const auto measure = value_named<Measure>(name);
    if (!measure)
      throw BadInput("{}: measure '{}' is not known; give {}", table.place(), name, fmt::join(kNames<Measure>, ", "));
    claim.measures.push_back(*measure);
  }
  table.refuse_others();
  return claim;
}

void check_preset(const Preset& p, const std::string& path) {
  std::set<std::string> names;
  for (const PresetSetting& s : p.settings)
    if (!names.insert(s.name).second) throw BadInput("{}: has two settings {}. Rename one", path, s.name);
  if (p.settings.empty()) throw BadInput("{}: has no [[setting]]. Add one", path);
  for (const auto& [key, value] : {std::pair{"epochs", p.epochs}, {"images", p.images}, {"seeds", p.seeds}})
    if (value < 1) throw BadInput("{}: {} is {}. Give at least 1", path, key, value);
}

}  // namespace

Preset parse_preset(const std::string& text, const std::string& path, const std::string& name) {
  const toml::table root = parse_toml(text, path);
  TableReader table(root, path);
  Preset p;
  p.name = name;
  p.networks = {"10Gbit,200us", "1Gbit,200us", "0.1Gbit,200us"};
  std::string train;
  table.require("about", p.about);
  table.require("data", p.data);
  table.require("images", p.images);
  table.require("test-images", p.test_images);
  table.require("classes", p.classes);
  table.require("epochs", p.epochs);
  table.require("train", train);
  table.read("warmup-epochs", p.warmup_epochs);
  table.read("grid-epochs", p.grid_epochs);
  table.read("seeds", p.seeds);
  table.read("first-seed", p.first_seed);
  table.read("target", p.target);
  table.read("margin", p.margin);
  table.read("networks", p.networks);
  p.train = words(train);
  for (const TableReader& t : table.tables("setting")) p.settings.push_back(setting_of(t, p));
  for (const TableReader& t : table.tables("claim")) p.claims.push_back(claim_of(t, p));
  table.refuse_others();
  check_preset(p, path);
  return p;
}

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const PresetFile& file : preset_files()) names.emplace_back(file.name);
  return names;
}

Preset find_preset(const std::string& name) {
  for (const PresetFile& file : preset_files())
    if (file.name == name) return parse_preset(std::string(file.text), fmt::format("recipes/{}.toml", name), name);
  if (name.ends_with(".toml") || name.find('/') != std::string::npos) {
    const size_t slash = name.rfind('/'), begin = slash == std::string::npos ? 0 : slash + 1;
    const std::string stem = name.substr(begin, name.rfind(".toml") - begin);
    return parse_preset(read_text(name), name, stem);
  }
  const std::string guess = nearest(name, preset_names());
  throw BadInput("{}: there is no such preset. {}", name,
                 guess.empty() ? fmt::format("Give the path of a file, or one of {}", fmt::join(preset_names(), ", "))
                               : "Did you mean " + guess + "?");
}

int64_t images_of(const Preset& p) {
  int64_t epochs = 0;
  for (const PresetSetting& s : p.settings) epochs += p.seeds * p.epochs + int64_t(s.rates.size()) * p.grid_epochs;
  return epochs * p.images;
}

}  // namespace skein
