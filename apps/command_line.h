// The arguments of a subcommand, declared beside the work that they are for. command_line.cpp makes CLI11's of them: a
// file that includes CLI11 takes longer to compile than all else in it, so only those do that need more than this.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace skein {

// What a value may be, and what --help says of it.
struct Argument {
  const char* type = "";  // its name; empty: by the type of the variable
  bool required = false;
  std::vector<std::string> choices = {};
  // Of whole numbers: both, or low = 1 alone for the positive ones.
  int64_t low = std::numeric_limits<int64_t>::min(), high = std::numeric_limits<int64_t>::max();
};

class CommandLine {
 public:
  explicit CommandLine(CLI::App& app) : app_(&app) {}

  CommandLine add(const char* name, const char* description);  // a subcommand
  void require_subcommand();

  // name: --flag, or a positional argument without dashes. The variable holds the default, and must live until the body
  // has run.
  void option(const char* name, std::string& value, const char* help, const Argument& argument = {});
  void option(const char* name, int64_t& value, const char* help, const Argument& argument = {});
  void option(const char* name, std::vector<float>& value, const char* help, const Argument& argument = {});  // a,b
  // Given once or more.
  void option(const char* name, std::vector<std::string>& value, const char* help, const Argument& argument = {});
  void flag(const char* name, bool& value, const char* help);
  void group(const char* name);          // in --help, of what is declared from here on
  void footer(const std::string& text);  // of --help
  bool given(const char* flag) const;    // on the command line, once that is parsed

  // What the subcommand does. Reports by exception: BadInput, RunFailed, or ExitStatus after a message of its own.
  void runs(std::function<void()> body);

  CLI::App& app() const { return *app_; }

 private:
  CLI::App* app_;
};

struct ExitStatus {
  int status;
};

}  // namespace skein
