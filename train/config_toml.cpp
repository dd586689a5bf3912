// A run's configuration as TOML: a file given with --config, and the copy that a run's folder keeps.
#define TOML_FLOAT_CHARCONV 1  // writes 0.1 as 0.1, not as 0.10000000000000001
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <sstream>

#include "base/check.h"
#include "base/files.h"
#include "base/nearest.h"
#include "train/config_fields.h"

namespace skein {
namespace {

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const Field& f : fields()) all.push_back(f.name);
  return all;
}

// TOML has whole numbers where ours are real; nothing else is converted.
template <class T>
bool read_node(const toml::node& node, T& to) {
  if constexpr (std::is_same_v<T, Numbers> || std::is_same_v<T, Texts>) {
    const toml::array* list = node.as_array();
    to.assign(list ? list->size() : 0, {});
    for (size_t i = 0; i < to.size(); ++i)
      if (!read_node(*list->get(i), to[i])) return false;
    return list;
  } else {
    const auto value = node.value_exact<T>();
    if (value) to = *value;
    if constexpr (std::is_same_v<T, double>)
      if (const auto whole = node.value_exact<int64_t>()) return to = double(*whole), true;
    return value.has_value();
  }
}

template <class T>
const char* wanted() {
  if constexpr (std::is_same_v<T, std::string>) return "text in quotes";
  if constexpr (std::is_same_v<T, int64_t>) return "a whole number";
  if constexpr (std::is_same_v<T, double>) return "a number";
  if constexpr (std::is_same_v<T, bool>) return "true or false";
  if constexpr (std::is_same_v<T, Texts>) return "a list of texts in brackets";
  return "a list of numbers in brackets";
}

void read_key(const std::string& key, const toml::node& node, const std::string& path, TrainConfig& config) {
  const std::string where = fmt::format("{}:{}: {}", path, node.source().begin.line, key);
  const auto field = std::find_if(fields().begin(), fields().end(), [&](const Field& f) { return key == f.name; });
  if (field == fields().end()) {
    const std::string guess = nearest(key, names());
    throw BadInput("{}: no such key; {}", where,
                   guess.empty() ? "the keys are the flags of `skein train --help`" : "did you mean " + guess + "?");
  }
  const auto read = [&](auto& value) {
    if (!read_node(node, value)) throw BadInput("{}: must be {}", where, wanted<std::decay_t<decltype(value)>>());
  };
  std::visit([&](auto member) { read(config.*member); }, field->member);
  check(*field, config, where);
}

}  // namespace

void parse_config(const std::string& text, const std::string& path, TrainConfig& config) {
  toml::table table;
  try {
    table = toml::parse(text, std::string_view(path));
  } catch (const toml::parse_error& e) {
    throw BadInput("{}:{}: this is not TOML: {}", path, e.source().begin.line, e.description());
  }
  for (const auto& [key, node] : table) read_key(std::string(key.str()), node, path, config);
}

void read_config(const std::string& path, TrainConfig& config) { parse_config(read_text(path), path, config); }

std::string to_toml(const TrainConfig& config) {
  toml::table table;
  const auto put = [&](const char* name, const auto& value) {
    using T = std::decay_t<decltype(value)>;
    if constexpr (std::is_same_v<T, Numbers> || std::is_same_v<T, Texts>) {
      toml::array list;
      for (const auto& x : value) list.push_back(x);
      table.insert(name, list);
    } else {
      table.insert(name, value);
    }
  };
  for (const Field& f : fields()) std::visit([&](auto member) { put(f.name, config.*member); }, f.member);
  std::ostringstream text;
  text << table << "\n";
  return text.str();
}

}  // namespace skein
