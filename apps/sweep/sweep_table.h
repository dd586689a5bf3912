// The table of a sweep: a row per setting, with the mean and the standard deviation over the seeds that are done.
#pragma once

#include <string>
#include <vector>

#include "apps/sweep/sweep_plan.h"
#include "base/enum_names.h"

namespace skein {

enum class TableFormat : uint8_t { text, csv, markdown, json };
constexpr auto names_of(TableFormat) { return std::array{"text", "csv", "markdown", "json"}; }

struct SweepTableOptions {
  TableFormat format = TableFormat::text;
  double target = 0;               // test accuracy as a fraction; 0: no columns for it
  std::vector<std::string> clock;  // networks (local_sgd/network_model.h): a column of simulated seconds for each
};

// BadInput for a network that cannot be parsed.
void check_table(const SweepTableOptions& options);

// Reads the logs of the plan's runs in `folder`. Ends with a line break; JSON is one line.
std::string sweep_table(const SweepPlan& plan, const std::string& folder, const SweepTableOptions& options);

}  // namespace skein
