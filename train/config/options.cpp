#include "train/config/options.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/check.h"

namespace skein {
namespace {

void check_number(double x, const OptionRules& rules, const std::string& where) {
  if (x >= rules.low && x <= rules.high) return;
  const bool bounded = rules.high < std::numeric_limits<double>::max();
  throw BadInput("{}: {} is out of range; give a number from {} {}", where, x, rules.low,
                 bounded ? fmt::format("to {}", rules.high) : "up");
}

void check_choice(const std::string& text, const OptionRules& rules, const std::string& where) {
  const auto& choices = rules.choices;
  if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end())
    throw BadInput("{}: '{}' is not known; give one of {}", where, text, fmt::join(choices, ", "));
}

template <class T>
void check_value(const T* value, const OptionRules& rules, const std::string& where) {
  if constexpr (std::is_same_v<T, std::vector<double>>) {
    for (double x : *value) check_number(x, rules, where);
    if (!std::is_sorted(value->begin(), value->end()))
      throw BadInput("{}: {} are not in order; give increasing numbers", where, fmt::join(*value, ","));
  } else if constexpr (std::is_same_v<T, std::string>) {
    check_choice(*value, rules, where);
  } else if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
    check_choice(fmt::format("{}", *value), rules, where);
    check_number(double(*value), rules, where);
  }
}

}  // namespace

bool EnumVariable::set(std::string_view name) {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) return false;
  *value_ = static_cast<unsigned char>(found - names_.begin());
  return true;
}

void OptionList::declare(std::string_view name, OptionVariable variable, const char* help, const OptionRules& rules) {
  const bool positional = !name.starts_with("--");
  options_.push_back(
      {std::string(positional ? name : name.substr(2)), positional, false, group_, help, variable, rules});
}

void OptionList::on_off(std::string_view name, bool& value, const char* help, const OptionRules& rules) {
  declare(name, &value, help, rules);
  options_.back().negatable = true;
}

std::string text_of(const Option& option) {
  return std::visit(
      [](const auto& variable) -> std::string {
        using T = std::decay_t<decltype(variable)>;
        if constexpr (std::is_same_v<T, EnumVariable>)
          return variable.text();
        else if constexpr (requires { variable->push_back({}); } && !std::is_same_v<T, std::string*>)
          return fmt::format("{}", fmt::join(*variable, ","));
        else
          return fmt::format("{}", *variable);
      },
      option.variable);
}

std::string typed(const Option& option) {
  if (const auto* on = std::get_if<bool*>(&option.variable)) return (**on ? "--" : "--no-") + option.name;
  if (const auto* texts = std::get_if<std::vector<std::string>*>(&option.variable))
    return fmt::format("{0} {1}", option.flag(), fmt::join(**texts, " " + option.flag() + " "));
  return option.flag() + " " + text_of(option);
}

void set_enum(const Option& option, const std::string& name, const std::string& where) {
  auto variable = std::get<EnumVariable>(option.variable);
  check_choice(name, option.rules, where);
  if (!variable.set(name))
    throw BadInput("{}: '{}' is not known; give one of {}", where, name, fmt::join(variable.names(), ", "));
}

void check(const Option& option, const std::string& where) {
  std::visit(
      [&](const auto& variable) {
        if constexpr (std::is_same_v<std::decay_t<decltype(variable)>, EnumVariable>)
          check_choice(variable.text(), option.rules, where);
        else
          check_value(variable, option.rules, where);
      },
      option.variable);
}

bool same_value(const Option& a, const Option& b) {
  return std::visit(
      [&](const auto& x) {
        using T = std::decay_t<decltype(x)>;
        if constexpr (std::is_same_v<T, EnumVariable>)
          return x.value() == std::get<T>(b.variable).value();
        else
          return *x == *std::get<T>(b.variable);
      },
      a.variable);
}

void copy_value(const Option& from, const Option& to) {
  std::visit(
      [&](const auto& x) {
        using T = std::decay_t<decltype(x)>;
        if constexpr (std::is_same_v<T, EnumVariable>)
          std::get<T>(to.variable).value() = x.value();
        else
          *std::get<T>(to.variable) = *x;
      },
      from.variable);
}

}  // namespace skein
