#include "apps/sweep/sweep_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "apps/table.h"
#include "base/check.h"
#include "base/formats/csv.h"
#include "base/formats/json.h"
#include "base/statistics/statistics.h"
#include "local_sgd/network_model.h"
#include "train/log/run_log.h"
#include "train/run/checkpoint.h"
#include "train/run/resume.h"

namespace skein {
namespace {

// The runs of one setting. `logs` has those that are done.
struct Row {
  SweepSetting setting;
  std::vector<RunLog> logs;
  int64_t planned = 0, unread_lines = 0;
};

struct Column {
  std::string title, key;                   // of the text and of CSV and JSON
  int digits;                               // after the point
  std::vector<std::vector<double>> values;  // by row, one per run
};

std::vector<Row> rows_of(const SweepPlan& plan, const std::string& folder) {
  std::vector<Row> rows;
  for (const SweepSetting& s : settings_of(plan)) rows.push_back({s, {}, 0, 0});
  for (const SweepRun& run : runs_of(plan, folder)) {
    Row& row = rows[run.setting];
    ++row.planned;
    if (!is_run_folder(run.folder)) continue;
    RunLog log = read_run_log(run.folder);
    row.unread_lines += log.unread_lines;
    if (log.status == RunStatus::done) row.logs.push_back(std::move(log));
  }
  return rows;
}

template <class Value>
Column column(const std::vector<Row>& rows, std::string title, std::string key, int digits, Value value) {
  Column c{std::move(title), std::move(key), digits, {}};
  for (const Row& row : rows) {
    c.values.emplace_back();
    for (const RunLog& log : row.logs) c.values.back().push_back(value(log));
  }
  return c;
}

// Columns of what no run has measured, or of communication where there is none, are left out.
void add_if_measured(std::vector<Column>& columns, Column c) {
  for (const auto& row : c.values)
    for (const double x : row)
      if (std::isfinite(x) && x != 0) return columns.push_back(std::move(c));
}

const EpochLog* first_at(const RunLog& log, double target) {
  const auto reached = std::find_if(log.epochs.begin(), log.epochs.end(),
                                    [&](const EpochLog& e) { return e.test_top1 >= 100 * target; });
  return reached == log.epochs.end() ? nullptr : &*reached;
}

void add_target_columns(std::vector<Column>& columns, const std::vector<Row>& rows, double target) {
  const auto at = [target](auto member) {
    return [target, member](const RunLog& log) {
      const EpochLog* e = first_at(log, target);
      return e ? double(e->*member) : kNotMeasured;
    };
  };
  const std::string to = fmt::format("to {:g} %", 100 * target);
  columns.push_back(column(rows, "runs " + to, "reached_target", 0,
                           [&](const RunLog& log) { return first_at(log, target) ? 1.0 : 0.0; }));
  columns.push_back(column(rows, "epochs " + to, "epochs_to_target", 1, at(&EpochLog::epoch)));
  columns.push_back(column(rows, "seconds " + to, "seconds_to_target", 1, at(&EpochLog::seconds)));
  Column bytes = column(rows, "MB " + to, "mb_to_target", 1, at(&EpochLog::bytes));
  for (auto& row : bytes.values)
    for (double& x : row) x *= 1e-6;
  add_if_measured(columns, std::move(bytes));
}

double clock_seconds(const RunLog& log, const NetworkModel& network) {
  const CommunicationTotals rounds = open_checkpoint(last_checkpoint(log.folder)).state.rounds;
  return rounds.compute + network.seconds(rounds.sent);
}

std::vector<Column> columns_of(const std::vector<Row>& rows, const SweepTableOptions& options) {
  const auto last = [](auto member) {
    return [member](const RunLog& log) { return double(log.epochs.back().*member); };
  };
  std::vector<Column> columns = {column(rows, "last top-1 %", "last_top1", 2, last(&EpochLog::test_top1)),
                                 column(rows, "best top-1 %", "best_top1", 2, [](const RunLog& log) {
                                   return log.best() ? log.best()->test_top1 : kNotMeasured;
                                 })};
  add_if_measured(columns, column(rows, "local top-1 %", "local_top1", 2, last(&EpochLog::local_test_top1)));
  columns.push_back(column(rows, "train loss", "train_loss", 4, last(&EpochLog::train_loss)));
  add_if_measured(columns, column(rows, "rounds", "rounds", 0, [](const RunLog& log) {
                    return double(log.epochs.back().world_rounds + log.epochs.back().block_rounds);
                  }));
  add_if_measured(columns, column(rows, "MB sent", "mb_sent", 1,
                                  [](const RunLog& log) { return double(log.epochs.back().bytes) * 1e-6; }));
  columns.push_back(column(rows, "seconds", "seconds", 1, last(&EpochLog::seconds)));
  for (const std::string& text : options.clock) {
    const NetworkModel network = parse_network(text);
    columns.push_back(column(rows, "s at " + text, "seconds_at_" + text, 1,
                             [&](const RunLog& log) { return clock_seconds(log, network); }));
  }
  if (options.target > 0) add_target_columns(columns, rows, options.target);
  return columns;
}

// "81.20 ± 0.35"; the column of runs that have reached the target: "2/3".
std::string cell(const Column& column, size_t row) {
  const std::vector<double>& values = column.values[row];
  if (column.key == "reached_target")
    return fmt::format("{}/{}", std::count(values.begin(), values.end(), 1.0), values.size());
  const Summary s = summary_of(values);
  if (s.n == 0) return "-";
  const std::string mean = fmt::format("{:.{}f}", s.mean, column.digits);
  return s.n == 1 ? mean : fmt::format("{} ± {:.{}f}", mean, s.deviation, column.digits);
}

std::string runs_cell(const Row& row) { return fmt::format("{}/{}", row.logs.size(), row.planned); }

using Cells = std::vector<std::vector<std::string>>;

Cells cells_of(const SweepPlan& plan, const std::vector<Row>& rows, const std::vector<Column>& columns) {
  Cells cells(1);
  for (const SweepAxis& axis : plan.axes) cells[0].push_back(axis.name);
  cells[0].push_back("runs");
  for (const Column& c : columns) cells[0].push_back(c.title);
  for (size_t i = 0; i < rows.size(); ++i) {
    cells.push_back(rows[i].setting.choices);
    cells.back().push_back(runs_cell(rows[i]));
    for (const Column& c : columns) cells.back().push_back(cell(c, i));
  }
  return cells;
}

std::vector<Align> alignment(const SweepPlan& plan, const std::vector<Column>& columns) {
  std::vector<Align> aligned(plan.axes.size(), Align::left);
  aligned.resize(plan.axes.size() + 1 + columns.size(), Align::right);
  return aligned;
}

std::string text_of(const SweepPlan& plan, const std::vector<Row>& rows, const std::vector<Column>& columns) {
  std::string text = format_table(alignment(plan, columns), cells_of(plan, rows, columns));
  if (plan.seeds > 1) text += "± is the standard deviation over the seeds (n - 1); runs: done of planned\n";
  for (const Row& row : rows)
    if (row.unread_lines > 0)
      text += fmt::format("note     {}: {} lines of metrics.jsonl cannot be read and are left out\n",
                          row.setting.folder, row.unread_lines);
  return text;
}

std::string csv_of(const SweepPlan& plan, const std::vector<Row>& rows, const std::vector<Column>& columns) {
  std::vector<std::string> line;
  for (const SweepAxis& axis : plan.axes) line.push_back(csv_field(axis.name));
  for (const char* name : {"runs", "planned"}) line.emplace_back(name);
  for (const Column& c : columns)
    for (const char* part : {"", "_deviation", "_n"}) line.push_back(csv_field(c.key + part));
  std::string text = fmt::format("{}\n", fmt::join(line, ","));
  for (size_t i = 0; i < rows.size(); ++i) {
    line.clear();
    for (const std::string& choice : rows[i].setting.choices) line.push_back(csv_field(choice));
    line.push_back(std::to_string(rows[i].logs.size()));
    line.push_back(std::to_string(rows[i].planned));
    for (const Column& c : columns) {
      const Summary s = summary_of(c.values[i]);
      for (const double x : {s.mean, s.deviation}) line.push_back(std::isfinite(x) ? fmt::format("{}", x) : "");
      line.push_back(std::to_string(s.n));
    }
    text += fmt::format("{}\n", fmt::join(line, ","));
  }
  return text;
}

Json json_of(const SweepPlan& plan, const std::vector<Row>& rows, const std::vector<Column>& columns) {
  Json all = Json::array();
  for (size_t i = 0; i < rows.size(); ++i) {
    Json setting = Json::object(), measured = Json::object(), runs = Json::array();
    for (size_t a = 0; a < plan.axes.size(); ++a) setting[plan.axes[a].name] = rows[i].setting.choices[a];
    for (const RunLog& log : rows[i].logs) runs.push_back(log.folder);
    for (const Column& c : columns) {
      const Summary s = summary_of(c.values[i]);
      measured[c.key] = {{"mean", s.mean}, {"deviation", s.deviation}, {"n", int64_t(s.n)}, {"values", c.values[i]}};
    }
    all.push_back({{"setting", setting}, {"planned", rows[i].planned}, {"runs", runs}, {"measured", measured}});
  }
  return {{"schema", 1}, {"train", plan.train}, {"seeds", plan.seeds}, {"rows", all}};
}

}  // namespace

void check_table(const SweepTableOptions& options) {
  for (const std::string& text : options.clock) parse_network(text);
}

std::string sweep_table(const SweepPlan& plan, const std::string& folder, const SweepTableOptions& options) {
  const std::vector<Row> rows = rows_of(plan, folder);
  const std::vector<Column> columns = columns_of(rows, options);
  switch (options.format) {
    case TableFormat::csv:
      return csv_of(plan, rows, columns);
    case TableFormat::markdown:
      return markdown_table(alignment(plan, columns), cells_of(plan, rows, columns));
    case TableFormat::json:
      return json_of(plan, rows, columns).dump(-1, Json::BadUtf8::replace) + "\n";
    case TableFormat::text:
      break;
  }
  return text_of(plan, rows, columns);
}

}  // namespace skein
