#include "apps/reproduce/study_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "apps/reproduce/verdict.h"
#include "apps/table.h"
#include "base/statistics/statistics.h"
#include "base/terminal/printable.h"
#include "train/log/run_log.h"

namespace skein {
namespace {

using Cells = std::vector<std::vector<std::string>>;
using Records = std::vector<const RunRecord*>;

std::string render(TableStyle style, const std::vector<Align>& columns, const Cells& cells) {
  return style == TableStyle::text ? format_table(columns, cells) : markdown_table(columns, cells);
}

struct Column {
  std::string title;
  int digits;  // after the point
  std::function<double(const RunRecord&)> value;
};

// "81.20 ± 0.35"
std::string cell(const Records& records, const Column& column) {
  std::vector<double> values;
  for (const RunRecord* r : records) values.push_back(column.value(*r));
  const Summary s = summary_of(values);
  if (s.n == 0) return "-";
  const std::string mean = fmt::format("{:.{}f}", s.mean, column.digits);
  if (s.n == 1) return mean;
  return s.deviation == 0 ? mean : fmt::format("{} ± {:.{}f}", mean, s.deviation, column.digits);
}

// Seconds of a step in the fastest epoch of all runs of a setting: other work on the machine makes the others slower.
double step_seconds(const Records& records) {
  double fastest = kNotMeasured;
  for (const RunRecord* r : records)
    if (!(r->step_seconds >= fastest)) fastest = r->step_seconds;
  return fastest;
}

std::vector<Column> columns_of(const Preset& p) {
  const auto rounds = [](const RunRecord& r) { return double(r.world.back() + r.block.back()); };
  std::vector<Column> columns = {
      {"last %", 2, &RunRecord::last_top1},
      {"best %", 2, &RunRecord::best_top1},
      {"local last %", 2, [](const RunRecord& r) { return r.local_top1.empty() ? kNotMeasured : r.local_top1.back(); }},
      {"train loss", 4, [](const RunRecord& r) { return r.train_loss.back(); }},
      {"rounds", 0, rounds},
      {"MB sent", 1, [](const RunRecord& r) { return 1e-6 * double(r.sent.block.bytes + r.sent.world.bytes); }}};
  const auto is_of_eigenvalues = [](const PresetClaim& c) {
    return std::find(c.measures.begin(), c.measures.end(), Measure::eigenvalue) != c.measures.end();
  };
  if (std::any_of(p.claims.begin(), p.claims.end(), is_of_eigenvalues))
    columns.push_back(
        {"eigenvalue", 2, [](const RunRecord& r) { return r.eigenvalue ? r.eigenvalue->value : kNotMeasured; }});
  if (p.target > 0)
    columns.push_back({fmt::format("epochs to {:g} %", 100 * p.target), 1, [target = p.target](const RunRecord& r) {
                         return r.epoch_at(target) > 0 ? double(r.epoch_at(target)) : kNotMeasured;
                       }});
  return columns;
}

// Simulated time to the target; without one, or for the whole run.
std::string time_cell(const Records& records, const std::string& net, double target) {
  const NetworkModel network = parse_network(net);
  const double step = step_seconds(records);
  return cell(records, {"", 0, [&](const RunRecord& r) {
                          const int64_t epochs = target > 0 ? r.epoch_at(target) : int64_t(r.test_top1.size());
                          return epochs > 0 ? r.seconds_on(network, epochs, step) : kNotMeasured;
                        }});
}

std::string runs_cell(const Study& study, const StudySetting& setting) {
  return fmt::format("{}/{}", study.done(setting).size(), study.preset.seeds);
}

std::string count_cell(const Records& records, double target) {
  const auto reached =
      std::count_if(records.begin(), records.end(), [&](const auto* r) { return r->epoch_at(target) > 0; });
  return fmt::format("{}/{}", reached, records.size());
}

}  // namespace

std::string settings_table(const Study& study, TableStyle style) {
  const Preset& p = study.preset;
  const std::vector<Column> columns = columns_of(p);
  Cells cells(1, {"setting", "runs"});
  for (const Column& c : columns) cells[0].push_back(c.title);
  const std::string until = p.target > 0 ? fmt::format(" to {:g} %", 100 * p.target) : "";
  if (p.target > 0) cells[0].push_back(fmt::format("runs{}", until));
  for (const std::string& net : p.networks) cells[0].push_back(fmt::format("s{} at {}", until, net));
  for (const StudySetting& s : study.settings) {
    const Records records = study.done(s);
    cells.push_back({s.name, runs_cell(study, s)});
    for (const Column& c : columns) cells.back().push_back(cell(records, c));
    if (p.target > 0) cells.back().push_back(count_cell(records, p.target));
    for (const std::string& net : p.networks) cells.back().push_back(time_cell(records, net, p.target));
  }
  std::vector<Align> aligned(cells[0].size(), Align::right);
  aligned[0] = Align::left;
  return render(style, aligned, cells);
}

std::string grid_table(const Study& study, TableStyle style) {
  Cells cells(1, {"grid", "last %", "train loss", ""});
  for (const StudySetting& g : study.grid) {
    const std::optional<RunRecord>& r = g.runs[0].record;
    const bool done = r && r->failed.empty();
    cells.push_back({g.name, done ? fmt::format("{:.2f}", r->last_top1()) : "-",
                     done ? fmt::format("{:.4f}", r->train_loss.back()) : "-",
                     r && !done ? r->failed
                     : g.chosen ? "chosen"
                                : ""});
  }
  if (study.grid.empty()) return "";
  return render(style, {Align::left, Align::right, Align::right, Align::left}, cells);
}

std::string verdict_table(const Study& study, TableStyle style) {
  Cells cells(1, {"claim", "verdict", "evidence"});
  for (const ClaimVerdict& v : judge(study)) cells.push_back({v.text, to_string(v.finding), v.evidence});
  if (cells.size() == 1) return "";
  return render(style, {Align::left, Align::left, Align::left}, cells);
}

std::vector<std::string> legend(const Study& study) {
  std::vector<std::string> lines = {
      "± is the standard deviation over the seeds (n - 1); runs: done of planned.",
      "last and best %: test accuracy of the averaged model after the last and the best epoch; local last %: mean over "
      "the workers' own models after the last epoch.",
      "MB sent and rounds: by a worker, in the whole run.",
      "s at a network: computing, at the step time of the setting's fastest epoch on this machine, and averaging on "
      "that "
      "network, without overlap (docs/measuring.md)."};
  if (!study.grid.empty())
    lines.push_back(fmt::format(
        "grid: runs of {} epochs, seed {}. The rate with the highest test accuracy is taken, which favours the tuned "
        "settings a little, as the data has no third set.",
        study.preset.grid_epochs, study.preset.first_seed));
  return lines;
}

std::vector<std::string> gaps(const Study& study) {
  std::vector<std::string> lines;
  const auto add = [&](const StudySetting& s) {
    if (!s.same_as.empty())
      lines.push_back(fmt::format("{}: the grid has chosen the rate of {}; it has the same runs", s.name, s.same_as));
    if (s.waits)
      lines.push_back(fmt::format("{}: {} missing, and the grid before", s.name, counted(study.preset.seeds, "run")));
    std::vector<int64_t> missing;
    for (const StudyRun& run : s.runs) {
      if (!run.record) missing.push_back(run.run.seed);
      if (run.record && !run.record->failed.empty())
        lines.push_back(fmt::format("{}: seed {} has failed after {} epochs: {}", s.name, run.run.seed,
                                    run.record->test_top1.size(), run.record->failed));
    }
    if (!missing.empty()) lines.push_back(fmt::format("{}: missing seeds: {}", s.name, fmt::join(missing, ", ")));
  };
  for (const StudySetting& s : study.grid) add(s);
  for (const StudySetting& s : study.settings) add(s);
  return lines;
}

}  // namespace skein
