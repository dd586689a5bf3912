// Options of a command: name, group, type, help text, variable and permitted values. Every command declares its options
// here. apps/command_line.cpp reads them as flags, train/config/config_toml.cpp as keys of a file, so both have the
// same checks and the same messages.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/enum_names.h"

namespace skein {

// Whether a flag given with --resume may change the value. `free`: it changes where and how fast the run computes, at
// most its rounding. `restart`: only with --from-consensus, when all workers start again. `extend`: only with --epochs,
// when the schedule is drawn anew. `fixed`: never.
enum class Resume : uint8_t { fixed, restart, extend, free };

// Optional parts of a declaration. Tables give type and bounds by position: {"N", 1, 64}.
struct OptionRules {
  const char* type = "";  // shown in --help; empty: by the type of the variable
  // Bounds of a number, both included.
  double low = std::numeric_limits<double>::lowest(), high = std::numeric_limits<double>::max();
  Resume resume = Resume::fixed;
  bool required = false;
  std::vector<std::string> choices = {};  // permitted texts; empty: all, and of an enum all its names
};

// A variable of any enum that has names.
class EnumVariable {
 public:
  template <NamedEnum E>
  explicit EnumVariable(E& value) : value_(reinterpret_cast<unsigned char*>(&value)), names_(kNames<E>) {
    static_assert(sizeof(E) == 1);
  }
  std::string text() const { return names_[*value_]; }
  bool set(std::string_view name);  // false: no value has this name
  unsigned char& value() const { return *value_; }
  std::span<const char* const> names() const { return names_; }

 private:
  unsigned char* value_;
  std::span<const char* const> names_;
};

using OptionVariable = std::variant<
    std::string*, int64_t*, double*, bool*, EnumVariable, std::vector<double>*, std::vector<float>*,
    std::vector<std::string>*>;  // lists: numbers separated by commas; texts, one for each time of the flag

struct Option {
  std::string name;         // without dashes
  bool positional = false;  // an argument without a flag
  bool negatable = false;   // --no-name is a flag, too
  const char *group, *help;
  OptionVariable variable;
  OptionRules rules;

  std::string flag() const { return positional ? name : "--" + name; }
};

class OptionList {
 public:
  // name: --flag, or a positional argument without dashes. The variable holds the default and must outlive the list.
  template <class T>
  void option(std::string_view name, T& value, const char* help, const OptionRules& rules = {}) {
    if constexpr (NamedEnum<T>)
      declare(name, EnumVariable(value), help, rules);
    else
      declare(name, &value, help, rules);
  }
  void flag(std::string_view name, bool& value, const char* help) { declare(name, &value, help, {}); }
  // --name and --no-name; --help shows the default.
  void on_off(std::string_view name, bool& value, const char* help, const OptionRules& rules = {});
  void append(const OptionList& list) { options_.insert(options_.end(), list.options_.begin(), list.options_.end()); }
  void group(const char* name) { group_ = name; }  // in --help, of all options declared from here on

  const std::vector<Option>& options() const& { return options_; }
  const std::vector<Option>& options() && = delete;  // would dangle
  auto begin() const { return options_.begin(); }
  auto end() const { return options_.end(); }

 private:
  void declare(std::string_view name, OptionVariable variable, const char* help, const OptionRules& rules);

  std::vector<Option> options_;
  const char* group_ = "";
};

std::string text_of(const Option& option);  // the value; lists joined by commas
// The flag with the value, as a user types it: "--epochs 9", "--no-augment", "--net 1Gbit --net 10Gbit".
std::string typed(const Option& option);

// Sets an enum by the name of a value. BadInput lists the permitted names; `where` names flag or line.
void set_enum(const Option& option, const std::string& name, const std::string& where);

// BadInput where the value is not permitted: says the value, and what is.
void check(const Option& option, const std::string& where);

// Compares options that are declared alike, for two sets of variables.
bool same_value(const Option& a, const Option& b);
void copy_value(const Option& from, const Option& to);

}  // namespace skein
