#include "apps/program.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>

#include "apps/commands.h"
#include "base/check.h"
#include "base/nearest.h"
#include "train/version.h"

namespace skein {
namespace {

constexpr int kRunFailed = 1, kBadInput = 2;

// `--batch N [128]`, and nothing of what CLI11 adds: validators behind a colon, values of flags in braces.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_option_name(const CLI::Option* option, bool positional) const override {
    const std::string name = CLI::Formatter::make_option_name(option, positional);
    return name.substr(0, name.find('{'));
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    std::string text;
    const std::string type = option->get_type_name();
    if (option->get_type_size() > 0) text += " " + type.substr(0, type.find(':'));
    if (!option->get_default_str().empty()) text += " [" + option->get_default_str() + "]";
    return text;
  }
};

std::string full_name(const CLI::App& app) {
  return app.get_parent() ? full_name(*app.get_parent()) + " " + app.get_name() : app.get_name();
}

const CLI::App& deepest(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app : deepest(*parsed.front());
}

// " Did you mean --epochs?" for the first argument that nobody wanted.
std::string suggestion(const CLI::App& app) {
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  for (const CLI::App* command : app.get_subcommands({})) known.push_back(command->get_name());
  for (const std::string& argument : app.remaining())
    if (const std::string guess = nearest(argument.substr(0, argument.find('=')), known); !guess.empty())
      return fmt::format(" Did you mean {}?", guess);
  return {};
}

int fail(const std::string& message, int status) {
  std::fflush(stdout);
  fmt::print(stderr, "skein: {}\n", message);
  return status;
}

// A waiting OpenMP thread of libgomp spins for milliseconds; beside other programs, or more threads than free cores,
// that makes a step up to forty times slower. libgomp reads the setting before main() runs, hence a second start.
void limit_spinning(char** argv) {
  if (std::getenv("GOMP_SPINCOUNT") || std::getenv("OMP_WAIT_POLICY")) return;
  setenv("GOMP_SPINCOUNT", "3000", 1);
  std::error_code none;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", none);
  execv(program.c_str(), argv);  // where that fails the program goes on as it is
}

}  // namespace

int run_program(int argc, char** argv) {
  limit_spinning(argv);
  CLI::App app{"skein: trains deep networks", "skein"};
  app.formatter(std::make_shared<HelpFormatter>());
  app.get_formatter()->column_width(42);
  app.set_help_flag("--help", "print this help");
  app.set_version_flag("--version", std::string("skein ") + version(), "print the version");
  app.require_subcommand(1);
  CommandLine line(app);
  for (const auto add : {
           add_train_command,
           add_eval_command,
           add_export_command,
           add_import_command,
           add_summary_command,
           add_data_command,
           add_bench_command,
           add_clock_command,
           add_devices_command,
           add_plan_command,
       })
    add(line);
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const ExitStatus& e) {
    return e.status;
  } catch (const CLI::Success& e) {
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    const CLI::App& command = deepest(app);
    return fail(fmt::format("{}.{} See {} --help", e.what(), suggestion(command), full_name(command)), kBadInput);
  } catch (const BadInput& e) {
    return fail(e.what(), kBadInput);
  } catch (const std::exception& e) {
    return fail(e.what(), kRunFailed);
  }
}

}  // namespace skein
