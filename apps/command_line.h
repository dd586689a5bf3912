// Command line of a program as a tree of commands. Each command declares its options (train/config/options.h) and its
// work; the parser is in command_line.cpp, the only file that includes CLI11, whose headers take long to compile.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "train/config/options.h"

namespace skein {

struct Command : OptionList {
  std::string name, description;
  std::string version = {};                   // first line of --version; empty: there is no such flag
  std::function<std::string()> details = {};  // the lines after it
  std::string footer = {};                    // of --help
  bool requires_subcommand = false;
  // The work. Reports errors as exceptions: BadInput, RunFailed, or ExitStatus after a message of its own.
  std::function<void()> body = {};
  // The body calls check_options() itself: in a run of several processes, so that only one of them prints the error.
  bool body_checks_options = false;
  std::list<Command> commands = {};  // list: commands keep their address when more are added

  std::vector<std::string> arguments = {};  // of the program, as they were typed; set by parse()
  std::set<std::string> given = {};         // names of the options on the command line; set by parse()
  // Names of enum values as they were typed; check_options() reads them.
  std::map<std::string, std::string> enum_texts = {};

  Command(std::string name, std::string description) : name(std::move(name)), description(std::move(description)) {}
  Command& add(const char* name, const char* description) { return commands.emplace_back(name, description); }
  bool is_given(const std::string& option) const;  // by name, without dashes
};

// Reads the arguments, without the program's name, into the variables of the options. Returns the command to run.
// BadInput says what cannot be read and how to get help. Throws ExitStatus after printing --help or --version.
Command& parse(Command& root, const std::vector<std::string>& arguments);

// Sets the variables of enums and checks all values that were given. BadInput names flag, value and what is permitted.
void check_options(Command& command);

// parse() and check_options(), then the work of the command.
void run_command(Command& root, const std::vector<std::string>& arguments);

}  // namespace skein
