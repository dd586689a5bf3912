// The tables of a preset: a row per setting with mean and standard deviation over the seeds, the grid of its rates, and
// the verdicts on its claims.
#pragma once

#include <string>

#include "apps/reproduce/study.h"

namespace skein {

// Text for a terminal, or Markdown. A table is left out where nothing is in it.
enum class TableStyle : uint8_t { text, markdown };
std::string settings_table(const Study& study, TableStyle style);
std::string grid_table(const Study& study, TableStyle style);
std::string verdict_table(const Study& study, TableStyle style);

// Sentences that say what the columns mean.
std::vector<std::string> legend(const Study& study);

// A sentence for each setting with runs that are missing, that could not be finished or that are another's.
std::vector<std::string> gaps(const Study& study);

}  // namespace skein
