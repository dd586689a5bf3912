// The subcommands of skein, one file each. add_X_command() declares the command, its options and its work.
#pragma once

#include "apps/command_line.h"

namespace skein {

void add_bench_command(Command& skein);
void add_clock_command(Command& skein);
void add_compare_command(Command& skein);
void add_completion_command(Command& skein);
void add_data_command(Command& skein);
void add_devices_command(Command& skein);
void add_eval_command(Command& skein);
void add_export_command(Command& skein);
void add_geometry_command(Command& skein);
void add_import_command(Command& skein);
void add_manual_command(Command& skein);
void add_plan_command(Command& skein);
void add_predict_command(Command& skein);
void add_report_command(Command& skein);
void add_reproduce_command(Command& skein);
void add_runs_command(Command& skein);
void add_summary_command(Command& skein);
void add_sweep_command(Command& skein);
void add_train_command(Command& skein);
void add_verify_command(Command& skein);
void add_view_command(Command& skein);
void add_watch_command(Command& skein);

}  // namespace skein
