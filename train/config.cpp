// A run's configuration as flags of `skein train`.
#include "train/config.h"

#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include "base/check.h"
#include "train/config_fields.h"

namespace skein {

void add_config_flags(CLI::App& app, TrainConfig& flags) {
  const auto add = [&](const Field& f, auto& value) -> CLI::Option* {
    using T = std::decay_t<decltype(value)>;
    const std::string flag = fmt::format("--{}", f.name);
    if constexpr (std::is_same_v<T, bool>) {
      return app.add_flag(fmt::format("{},!--no-{}", flag, f.name), value, f.help)
          ->default_str(value ? "true" : "false");
    } else {
      CLI::Option* option = app.add_option(flag, value, f.help)->type_name(f.type);
      if constexpr (std::is_same_v<T, Numbers>)
        return option->delimiter(',')->default_str(fmt::format("{}", fmt::join(value, ",")));
      else if constexpr (std::is_same_v<T, Texts>)
        return option->allow_extra_args(false);  // given once or more, one text each
      else
        return option->take_last()->default_str(fmt::format("{}", value));
    }
  };
  for (const Field& f : fields()) std::visit([&](auto member) { add(f, flags.*member)->group(f.group); }, f.member);
}

void apply_flags(const CLI::App& app, const TrainConfig& flags, Start start, TrainConfig& config) {
  for (const Field& f : fields()) {
    const std::string flag = fmt::format("--{}", f.name);
    if (app.count(flag) == 0) continue;
    check(f, flags, flag);
    const bool same = std::visit([&](auto member) { return config.*member == flags.*member; }, f.member);
    if (!same && start != Start::fresh && f.resume == Resume::fixed)
      throw BadInput("{}: a resumed run keeps its own; leave the flag out, or start a new run with --config", flag);
    if (!same && start == Start::resumed && f.resume == Resume::restart)
      throw BadInput(
          "{}: a resumed run keeps its own, because each worker has momentum and data of its own; leave the flag out, "
          "or give --from-consensus to start the workers again from their average",
          flag);
    std::visit([&](auto member) { config.*member = flags.*member; }, f.member);
  }
}

std::vector<std::pair<std::string, std::string>> config_values(const TrainConfig& config) {
  const auto text = [](const auto& value) {
    using T = std::decay_t<decltype(value)>;
    if constexpr (std::is_same_v<T, Numbers> || std::is_same_v<T, Texts>)
      return fmt::format("{}", fmt::join(value, ","));
    else
      return fmt::format("{}", value);
  };
  std::vector<std::pair<std::string, std::string>> all;
  for (const Field& f : fields())
    all.emplace_back(fmt::format("--{}", f.name),
                     std::visit([&](auto member) { return text(config.*member); }, f.member));
  return all;
}

}  // namespace skein
