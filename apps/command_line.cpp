#include "apps/command_line.h"

#include <CLI/CLI.hpp>

namespace skein {
namespace {

template <class T>
CLI::Option* declare(CLI::App& app, const char* name, T& value, const char* help, const Argument& a) {
  CLI::Option* option = app.add_option(name, value, help);
  if (*a.type) option->type_name(a.type);
  if (a.required) option->required();
  if (!a.choices.empty()) option->check(CLI::IsMember(a.choices));
  return option;
}

}  // namespace

CommandLine CommandLine::add(const char* name, const char* description) {
  return CommandLine(*app_->add_subcommand(name, description));
}

void CommandLine::require_subcommand() { app_->require_subcommand(1); }

void CommandLine::option(const char* name, std::string& value, const char* help, const Argument& a) {
  declare(*app_, name, value, help, a)->capture_default_str();
}

void CommandLine::option(const char* name, int64_t& value, const char* help, const Argument& a) {
  CLI::Option* option = declare(*app_, name, value, help, a)->capture_default_str();
  const bool low = a.low > std::numeric_limits<int64_t>::min(), high = a.high < std::numeric_limits<int64_t>::max();
  if (low && high)
    option->check(CLI::Range(a.low, a.high));
  else if (low)
    option->check(CLI::PositiveNumber);
}

void CommandLine::option(const char* name, std::vector<float>& value, const char* help, const Argument& a) {
  declare(*app_, name, value, help, a)->delimiter(',');
}

void CommandLine::option(const char* name, std::vector<std::string>& value, const char* help, const Argument& a) {
  declare(*app_, name, value, help, a)->allow_extra_args(false);
}

void CommandLine::flag(const char* name, bool& value, const char* help) { app_->add_flag(name, value, help); }

void CommandLine::group(const char* name) { app_->option_defaults()->group(name); }

void CommandLine::footer(const std::string& text) { app_->footer(text); }

bool CommandLine::given(const char* flag) const { return app_->count(flag) > 0; }

void CommandLine::runs(std::function<void()> body) { app_->callback(std::move(body)); }

}  // namespace skein
