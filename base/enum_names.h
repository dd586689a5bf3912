// Names of an enum's values: one table per enum, for flags, TOML, JSON and messages. The table stands beside the enum,
// and its rows are the values 0, 1, 2 ... in order:
//
//   enum class EvalLocal : uint8_t { never, last, every };
//   constexpr auto names_of(EvalLocal) { return std::array{"never", "last", "every"}; }
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace skein {

template <class E>
concept NamedEnum = std::is_enum_v<E> && requires {
  names_of(E{});
};

template <NamedEnum E>
inline constexpr auto kNames = names_of(E{});

template <NamedEnum E>
std::string to_string(E value) {
  return kNames<E>.at(size_t(value));
}

// Empty: no value has this name.
template <NamedEnum E>
std::optional<E> value_named(std::string_view name) {
  for (size_t i = 0; i < kNames<E>.size(); ++i)
    if (name == kNames<E>[i]) return E(i);
  return std::nullopt;
}

}  // namespace skein
