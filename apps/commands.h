// The subcommands of skein, one file each: add_X_command() declares its arguments and what it does.
#pragma once

#include "apps/command_line.h"

namespace skein {

void add_bench_command(CommandLine& skein);
void add_clock_command(CommandLine& skein);
void add_data_command(CommandLine& skein);
void add_devices_command(CommandLine& skein);
void add_eval_command(CommandLine& skein);
void add_export_command(CommandLine& skein);
void add_import_command(CommandLine& skein);
void add_plan_command(CommandLine& skein);
void add_summary_command(CommandLine& skein);
void add_train_command(CommandLine& skein);

}  // namespace skein
