// The part of a preset that was run, in a small folder that can be kept in a repository:
//   README.md      tables, verdicts, what is missing, commands, machine, time
//   results.json   a record per run (apps/reproduce/run_record.h): curves by epoch, hash of the configuration, command
// Records stay where their run folders are gone: they count as done runs of the preset.
#pragma once

#include <string>
#include <vector>

#include "apps/reproduce/study.h"

namespace skein {

// Records in DIR/results.json; none where there is no such file. BadInput where DIR has other files, or the results of
// another preset or scale.
std::vector<RunRecord> read_results(const Preset& preset, double scale, const std::string& dir);

// Writes both files. kept: the records that were read before. BadInput where one of them is of no run of the preset, as
// after an edit of the preset: it would be lost.
void write_results(const Study& study, const std::vector<RunRecord>& kept, const std::string& dir);

}  // namespace skein
