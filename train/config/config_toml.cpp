// A configuration as TOML: the file given with --config, and the copy in the run folder.
#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "base/check.h"
#include "base/files.h"
#include "base/terminal/nearest.h"
#include "train/config/config.h"
#include "train/config/toml.h"

namespace skein {
namespace {

std::vector<std::string> names(const OptionList& list) {
  std::vector<std::string> all;
  for (const Option& option : list.options()) all.push_back(option.name);
  return all;
}

const char* expected(const std::string&) { return "text in quotes"; }
const char* expected(int64_t) { return "a whole number"; }
const char* expected(double) { return "a number"; }
const char* expected(bool) { return "true or false"; }
const char* expected(const std::vector<std::string>&) { return "a list of texts in brackets"; }
const char* expected(const std::vector<double>&) { return "a list of numbers in brackets"; }

void read_option(const Option& option, const toml::node& node, const std::string& where) {
  const auto read = [&](auto& value) {
    if (!read_node(node, value)) throw BadInput("{}: must be {}", where, expected(value));
  };
  std::visit(
      [&](const auto& variable) {
        using T = std::decay_t<decltype(variable)>;
        if constexpr (std::is_same_v<T, EnumVariable>) {
          std::string name;
          read(name);
          set_enum(option, name, where);
        } else if constexpr (!std::is_same_v<T, std::vector<float>*>) {
          read(*variable);
        }
      },
      option.variable);
  check(option, where);
}

void read_key(const std::string& key, const toml::node& node, const std::string& path, const OptionList& list) {
  const std::string where = fmt::format("{}:{}: {}", path, node.source().begin.line, key);
  const auto& options = list.options();
  const auto option = std::find_if(options.begin(), options.end(), [&](const Option& o) { return key == o.name; });
  if (option == options.end()) {
    const std::string guess = nearest(key, names(list));
    throw BadInput("{}: no such key; {}", where,
                   guess.empty() ? "the keys are the flags of `skein train --help`" : "did you mean " + guess + "?");
  }
  read_option(*option, node, where);
}

void put(toml::table& table, const std::string& name, const auto& variable) {
  using T = std::decay_t<decltype(variable)>;
  if constexpr (std::is_same_v<T, EnumVariable>) {
    table.insert(name, variable.text());
  } else if constexpr (std::is_same_v<T, std::vector<double>*> || std::is_same_v<T, std::vector<std::string>*>) {
    toml::array list;
    for (const auto& x : *variable) list.push_back(x);
    table.insert(name, list);
  } else if constexpr (!std::is_same_v<T, std::vector<float>*>) {
    table.insert(name, *variable);
  }
}

// toml++ calls itself for every part of a dotted key, and so would end the stack.
void check_key_lengths(const std::string& text, const std::string& path) {
  constexpr auto kMostParts = 10'000;
  std::istringstream lines(text);
  int64_t number = 1;
  for (std::string line; std::getline(lines, line); ++number) {
    const size_t equals = line.find('='), first = line.find_first_not_of(" \t");
    const bool header = first != std::string::npos && line[first] == '[';
    if (equals == std::string::npos && !header) continue;
    const auto end = header || equals == std::string::npos ? line.end() : line.begin() + std::ptrdiff_t(equals);
    if (std::count(line.begin(), end, '.') >= kMostParts)
      throw BadInput("{}:{}: this is not TOML that skein writes: a key of more than {} parts", path, number, kMostParts);
  }
}

}  // namespace

toml::table parse_toml(const std::string& text, const std::string& path) {
  check_key_lengths(text, path);
  try {
    return toml::parse(text, std::string_view(path));
  } catch (const toml::parse_error& e) {
    throw BadInput("{}:{}: this is not TOML: {}", path, e.source().begin.line, e.description());
  }
}

void parse_config(const std::string& text, const std::string& path, TrainConfig& config) {
  const toml::table table = parse_toml(text, path);
  const OptionList list = config_options(config);
  for (const auto& [key, node] : table) read_key(std::string(key.str()), node, path, list);
  if (table.contains("drops") && !table.contains("drop-epochs")) config.drop_epochs.clear();
  if (table.contains("drop-epochs") && !table.contains("drops")) config.drops.clear();
}

void read_config(const std::string& path, TrainConfig& config) { parse_config(read_text(path), path, config); }

std::string to_toml(const TrainConfig& config) {
  toml::table table;
  TrainConfig copy = config;
  for (const Option& option : config_options(copy))
    std::visit([&](const auto& variable) { put(table, option.name, variable); }, option.variable);
  std::ostringstream text;
  text << table << "\n";
  return text.str();
}

std::map<std::string, std::string> toml_settings(const std::string& text, const std::string& path) {
  std::map<std::string, std::string> settings;
  for (const auto& [key, node] : parse_toml(text, path)) {
    std::ostringstream value;
    if (const auto* plain = node.as_string())
      value << plain->get();
    else
      node.visit([&](const auto& any) { value << any; });
    settings.emplace(key.str(), value.str());
  }
  return settings;
}

}  // namespace skein
