#include "apps/command_line.h"

#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "apps/exit_status.h"
#include "base/check.h"
#include "base/terminal/nearest.h"
#include "base/terminal/terminal.h"

namespace skein {
namespace {

constexpr int kHelpColumn = 42;  // where help texts begin

// `--batch N [128]`, without CLI11's additions: validators after a colon, values of flags in braces.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_option_name(const CLI::Option* option, bool positional) const override {
    const std::string name = CLI::Formatter::make_option_name(option, positional);
    return name.substr(0, name.find('{'));
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    std::string text;
    const std::string type = option->get_type_name();
    if (option->get_type_size() > 0 && !type.empty()) text += " " + type.substr(0, type.find(':'));
    if (!option->get_default_str().empty()) text += " [" + option->get_default_str() + "]";
    return text;
  }
};

CLI::Option* declare_flag(CLI::App& app, const Option& option, bool& value) {
  if (!option.negatable) return app.add_flag(option.flag(), value, option.help);
  return app.add_flag(fmt::format("{},!--no-{}", option.flag(), option.name), value, option.help)
      ->default_str(text_of(option));
}

template <class T>
CLI::Option* declare_value(CLI::App& app, const Option& option, T& value) {
  CLI::Option* declared = app.add_option(option.flag(), value, option.help)->default_str(text_of(option));
  if (!option.positional) declared->take_last();
  return declared;
}

// Refuses what is no whole number, and one that no int64_t can hold: CLI11 would take the nearest one in silence.
CLI::Option* declare(CLI::App& app, const Option& option, int64_t* value) {
  const auto check = [](const std::string& text) -> std::string {
    errno = 0;
    char* end = nullptr;
    std::strtoll(text.c_str(), &end, 0);
    if (text.empty() || *end != 0) return "'" + text + "' is not a whole number";
    return errno == ERANGE ? text + " is out of range; give a number up to 2^63 - 1" : "";
  };
  return declare_value(app, option, *value)->check(check, "");
}
CLI::Option* declare(CLI::App& app, const Option& option, bool* value) { return declare_flag(app, option, *value); }
CLI::Option* declare(CLI::App& app, const Option& option, auto* value) { return declare_value(app, option, *value); }
// Given twice, the last list replaces the one before, as a single value does.
template <class T>
CLI::Option* declare(CLI::App& app, const Option& option, std::vector<T>* numbers) {
  const auto read = [numbers, flag = option.flag()](const std::string& text) {
    numbers->clear();
    for (const std::string& part : CLI::detail::split(text, ',')) {
      T number = 0;
      if (text.empty()) continue;
      if (!CLI::detail::lexical_cast(part, number))
        throw CLI::ConversionError(fmt::format("{}: '{}' is not a list of numbers, as in 1,2.5", flag, text));
      numbers->push_back(number);
    }
  };
  return app.add_option_function<std::string>(option.flag(), read, option.help)
      ->take_last()
      ->default_str(text_of(option));
}
CLI::Option* declare(CLI::App& app, const Option& option, std::vector<std::string>* texts) {
  return app.add_option(option.flag(), *texts, option.help)->allow_extra_args(option.positional);
}

void declare(CLI::App& app, Command& command, const Option& option) {
  CLI::Option* declared = std::visit(
      [&](const auto& variable) {
        if constexpr (std::is_same_v<std::decay_t<decltype(variable)>, EnumVariable>)
          return declare_value(app, option, command.enum_texts[option.name]);
        else
          return declare(app, option, variable);
      },
      option.variable);
  if (*option.rules.type) declared->type_name(option.rules.type);
  if (option.rules.required) declared->required()->default_str("");
  if (*option.group) declared->group(option.group);
}

void declare(CLI::App& app, Command& command) {
  for (const Option& option : command) declare(app, command, option);
  app.footer(command.footer);
  if (command.requires_subcommand) app.require_subcommand(1);
  for (Command& c : command.commands) declare(*app.add_subcommand(c.name, c.description), c);
}

std::string full_name(const CLI::App& app) {
  return app.get_parent() ? full_name(*app.get_parent()) + " " + app.get_name() : app.get_name();
}

void print_help(const CLI::App& command) {
  const std::string help = command.help(command.get_parent() ? full_name(*command.get_parent()) : "");
  fmt::print("{}", fit(help, STDOUT_FILENO));
}

// The last subcommand that was parsed.
const CLI::App& deepest(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app : deepest(*parsed.front());
}

Command& deepest(const CLI::App& app, Command& command) {
  const auto parsed = app.get_subcommands();
  for (Command& c : command.commands)
    if (!parsed.empty() && parsed.front()->get_name() == c.name) return deepest(*parsed.front(), c);
  for (const Option& option : command)
    if (app.count(option.flag()) > 0) command.given.insert(option.name);
  return command;
}

// " Did you mean --epochs?" for the first unknown argument that resembles a known one. Where a command takes another
// command as its argument, the flags of that one are unknown unless -- is before it.
std::string suggestion(const CLI::App& app, const Command& command) {
  for (const Option& option : command)
    if (option.positional && std::string_view(option.rules.type).starts_with("-- "))
      return fmt::format(" Give {} last, behind the two dashes: {}", option.flag(), option.rules.type);
  for (const std::string& argument : app.remaining())
    for (const Option& option : command)
      if (option.positional && argument.substr(0, argument.find('=')) == "--" + option.name)
        return fmt::format(" Give the {} without a flag.", option.name);
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  for (const CLI::App* command : app.get_subcommands({})) known.push_back(command->get_name());
  for (const std::string& argument : app.remaining())
    if (const std::string guess = nearest(argument.substr(0, argument.find('=')), known); !guess.empty())
      return fmt::format(" Did you mean {}?", guess);
  return {};
}

}  // namespace

bool Command::is_given(const std::string& option) const {
  CHECK(std::any_of(begin(), end(), [&](const Option& o) { return o.name == option; }), "{} has no option {}", name,
        option);
  return given.contains(option);
}

Command& parse(Command& root, const std::vector<std::string>& arguments) {
  CLI::App app{root.description, root.name};
  app.formatter(std::make_shared<HelpFormatter>());
  app.get_formatter()->column_width(kHelpColumn);
  app.set_help_flag("-h,--help", "print this help");
  if (!root.version.empty())
    app.set_version_flag(
        "--version", [&] { return root.details ? root.version + "\n" + root.details() : root.version; },
        "print the version, and what was found on this machine");
  declare(app, root);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));  // CLI11 reads them from the back
  } catch (const CLI::CallForHelp&) {
    print_help(deepest(app));
    throw ExitStatus{kDone};
  } catch (const CLI::CallForVersion& e) {
    fmt::print("{}\n", fit(e.what(), STDOUT_FILENO));
    throw ExitStatus{kDone};
  } catch (const CLI::ParseError& e) {
    const CLI::App& command = deepest(app);
    if (deepest(app, root).requires_subcommand && dynamic_cast<const CLI::RequiredError*>(&e)) {
      if (app.remaining(true).empty()) {
        print_help(command);
        throw ExitStatus{kBadInput};
      }
      const std::string word = app.remaining(true).front();
      throw BadInput("there is no {} '{} {}'.{} See {} --help", word.starts_with("-") ? "option" : "command",
                     full_name(command), word, suggestion(command, deepest(app, root)), full_name(command));
    }
    if (dynamic_cast<const CLI::ExtrasError*>(&e))
      throw BadInput("not expected: {}.{} See {} --help", fmt::join(app.remaining(true), " "),
                     suggestion(command, deepest(app, root)), full_name(command));
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&e)) {
      const std::string text = e.what();
      throw BadInput("{}: lacks its value. See {} --help", text.substr(0, text.find(':')), full_name(command));
    }
    throw BadInput("{}.{} See {} --help", e.what(), suggestion(command, deepest(app, root)), full_name(command));
  }
  Command& command = deepest(app, root);
  command.arguments = arguments;
  return command;
}

void check_options(Command& command) {
  for (const Option& option : command) {
    if (!command.is_given(option.name)) continue;
    if (std::holds_alternative<EnumVariable>(option.variable))
      set_enum(option, command.enum_texts.at(option.name), option.flag());
    else
      check(option, option.flag());
  }
}

void run_command(Command& root, const std::vector<std::string>& arguments) {
  Command& command = parse(root, arguments);
  if (!command.body_checks_options) check_options(command);
  if (command.body) command.body();
}

}  // namespace skein
