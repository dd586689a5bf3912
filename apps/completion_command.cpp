// skein completion SHELL, skein manual: texts that cmake --install puts where shells and man look for them.
#include <fmt/format.h>

#include <memory>

#include "apps/commands.h"
#include "apps/manual.h"

namespace skein {
namespace {

enum class Shell : uint8_t { bash, zsh, fish };
constexpr auto names_of(Shell) { return std::array{"bash", "zsh", "fish"}; }

}  // namespace

void add_completion_command(Command& skein) {
  auto shell = std::make_shared<Shell>(Shell::bash);
  Command& command = skein.add("completion", "Print the completion of commands and flags for a shell");
  command.option("shell", *shell, "bash, zsh or fish", {.type = "bash|zsh|fish", .required = true});
  command.footer = "bash: source <(skein completion bash)    fish: skein completion fish | source";
  command.body = [shell, &skein] {
    const auto print = *shell == Shell::bash  ? bash_completion
                       : *shell == Shell::zsh ? zsh_completion
                                              : fish_completion;
    fmt::print("{}", print(skein));
  };
}

void add_manual_command(Command& skein) {
  Command& command = skein.add("manual", "Print the manual page");
  command.footer = "skein manual > skein.1; man -l skein.1";
  command.body = [&skein] { fmt::print("{}", manual_page(skein)); };
}

}  // namespace skein
