// The subcommands of skein, one file each: add_X_command() declares flags and a callback that does the work. Callbacks
// report by exception: BadInput, RunFailed, or CLI::RuntimeError(status) after a message of their own.
#pragma once

#include <CLI/CLI.hpp>

namespace skein {

void add_bench_command(CLI::App& app);
void add_clock_command(CLI::App& app);
void add_data_command(CLI::App& app);
void add_devices_command(CLI::App& app);
void add_eval_command(CLI::App& app);
void add_export_command(CLI::App& app);
void add_import_command(CLI::App& app);
void add_plan_command(CLI::App& app);
void add_summary_command(CLI::App& app);
void add_train_command(CLI::App& app);

}  // namespace skein
