// TOML files, read with toml++: configurations (train/config/config.h) and presets (apps/reproduce/preset.h).
#pragma once

#define TOML_FLOAT_CHARCONV 1  // writes 0.1 as 0.1, not as 0.10000000000000001
#include <toml++/toml.h>

#include <string>
#include <type_traits>
#include <vector>

namespace skein {

toml::table parse_toml(const std::string& text, const std::string& path);  // BadInput names file and line

// False: the value is of another type. Whole numbers are accepted for reals; nothing else is converted.
bool read_node(const toml::node& node, auto& to) {
  using T = std::decay_t<decltype(to)>;
  const auto value = node.value_exact<T>();
  if (value) to = *value;
  if constexpr (std::is_same_v<T, double>)
    if (const auto whole = node.value_exact<int64_t>()) return to = double(*whole), true;
  return value.has_value();
}

template <class T>
bool read_node(const toml::node& node, std::vector<T>& to) {
  const toml::array* list = node.as_array();
  to.assign(list ? list->size() : 0, {});
  for (size_t i = 0; i < to.size(); ++i)
    if (!read_node(*list->get(i), to[i])) return false;
  return list;
}

}  // namespace skein
