#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "apps/manual.h"

namespace skein {
namespace {

// A command with the words that lead to it: {"skein", "bench", "step"}.
struct CommandPath {
  std::vector<std::string> path;
  const Command& command;
  std::string words() const { return fmt::format("{}", fmt::join(path, " ")); }
};

void collect(const Command& command, std::vector<std::string> path, std::vector<CommandPath>& paths) {
  path.push_back(command.name);
  paths.push_back({path, command});
  for (const Command& c : command.commands) collect(c, path, paths);
}

std::vector<CommandPath> paths_of(const Command& root) {
  std::vector<CommandPath> paths;
  collect(root, {}, paths);
  return paths;
}

std::vector<std::string> names_of(const Command& command) {
  std::vector<std::string> names;
  for (const Command& c : command.commands) names.push_back(c.name);
  return names;
}

// --name, and --no-name where there is one.
std::vector<std::string> flags_of(const Command& command) {
  std::vector<std::string> flags{"--help"};
  for (const Option& option : command) {
    if (option.positional) continue;
    flags.push_back(option.flag());
    if (option.negatable) flags.push_back("--no-" + option.name);
  }
  return flags;
}

// The values that a flag permits, where they are few and known.
std::vector<std::string> values_of(const Option& option) {
  if (!option.rules.choices.empty()) return option.rules.choices;
  if (const auto* e = std::get_if<EnumVariable>(&option.variable)) return {e->names().begin(), e->names().end()};
  return {};
}

bool takes_value(const Option& option) { return !std::holds_alternative<bool*>(option.variable); }

// Within single quotes of a shell.
std::string quoted(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return "'" + out + "'";
}

// With a backslash before each of the characters that a shell's own functions give a meaning.
std::string escaped(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text) out += (special.find(c) == special.npos ? "" : "\\") + std::string(1, c);
  return out;
}

// The alternatives of a case: "skein train"|"skein eval"
std::string paths_below(const std::vector<CommandPath>& commands) {
  std::vector<std::string> paths;
  for (const CommandPath& p : commands)
    if (p.path.size() > 1) paths.push_back('"' + p.words() + '"');
  return fmt::format("{}", fmt::join(paths, "|"));
}

}  // namespace

std::string bash_completion(const Command& root) {
  const std::vector<CommandPath> paths = paths_of(root);
  std::string flags, values;
  for (const CommandPath& p : paths) {
    flags += fmt::format("    \"{}\") known=\"{}\"; [[ $word == -* ]] && known=\"{}\" ;;\n", p.words(),
                         fmt::join(names_of(p.command), " "), fmt::join(flags_of(p.command), " "));
    for (const Option& option : p.command)
      if (const auto known = values_of(option); !known.empty() && !option.positional)
        values += fmt::format("    \"{} {}\") known=\"{}\" ;;\n", p.words(), option.flag(), fmt::join(known, " "));
  }
  return fmt::format(R"(# bash completion of {0}
_{0}() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} place={0} known="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$place ${{COMP_WORDS[i]}}" in
    {1}) place="$place ${{COMP_WORDS[i]}}" ;;
    esac
  done
  case "$place" in
{2}  esac
  case "$place $previous" in
{3}  esac
  COMPREPLY=($(compgen -W "$known" -- "$word"))
}}
complete -o default -F _{0} {0}
)",
                     root.name, paths_below(paths), flags, values);
}

std::string zsh_completion(const Command& root) {
  const std::vector<CommandPath> paths = paths_of(root);
  std::string cases;
  for (const CommandPath& p : paths) {
    cases += fmt::format("    \"{}\")\n", p.words());
    if (!p.command.commands.empty()) {
      cases += "      local -a commands=(\n";
      for (const Command& c : p.command.commands)
        cases += fmt::format("        {}\n", quoted(c.name + ":" + c.description));
      cases += "      )\n      [[ $PREFIX != -* ]] && _describe command commands && return\n";
    }
    cases += "      _arguments '--help[print help]' \\\n";
    for (const Option& option : p.command) {
      if (option.positional) continue;
      const std::string help = quoted("[" + escaped(option.help, "[]:\\") + "]");
      const auto known = values_of(option);
      cases += fmt::format("        '*{}'{}", option.flag(), help);
      if (takes_value(option))
        cases += known.empty() ? "':value:_files'" : fmt::format("':value:({})'", fmt::join(known, " "));
      cases += " \\\n";
      if (option.negatable) cases += fmt::format("        '*--no-{}'{} \\\n", option.name, help);
    }
    cases += "        '*:file:_files' ;;\n";
  }
  return fmt::format(R"(#compdef {0}
_{0}() {{
  local place={0}
  integer i
  for ((i = 2; i < CURRENT; i++)); do
    case "$place ${{words[i]}}" in
    ({1}) place="$place ${{words[i]}}" ;;
    esac
  done
  case "$place" in
{2}  esac
}}
_{0} "$@"
)",
                     root.name, paths_below(paths), cases);
}

std::string fish_completion(const Command& root) {
  std::string text = fmt::format("# fish completion of {}\n", root.name);
  const std::vector<CommandPath> paths = paths_of(root);
  for (const CommandPath& p : paths) {
    std::string here = p.path.size() == 1 ? "__fish_use_subcommand" : "";
    for (size_t i = 1; i < p.path.size(); ++i)
      here += fmt::format("{}__fish_seen_subcommand_from {}", i > 1 ? "; and " : "", p.path[i]);
    for (const CommandPath& other : paths)  // skein data import is not skein import
      if (p.path.size() == 2 && other.path.size() == 3 && other.path[2] == p.path[1])
        here += fmt::format("; and not __fish_seen_subcommand_from {}", other.path[1]);
    const std::string start = fmt::format("complete -c {} -n '{}'", root.name, here);
    for (const Command& c : p.command.commands)
      text += fmt::format("{} -f -a {} -d {}\n", start, c.name, quoted(c.description));
    for (const Option& option : p.command) {
      if (option.positional) continue;
      const auto known = values_of(option);
      const std::string value = !takes_value(option) ? ""
                                : known.empty()      ? " -r"
                                                     : fmt::format(" -x -a '{}'", fmt::join(known, " "));
      text += fmt::format("{} -l {}{} -d {}\n", start, option.name, value, quoted(option.help));
      if (option.negatable) text += fmt::format("{} -l no-{} -d {}\n", start, option.name, quoted(option.help));
    }
  }
  return text;
}

}  // namespace skein
