#include "apps/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/stopwatch.h"
#include "base/terminal/terminal.h"

namespace skein {
std::string number_cell(double value, const char* format) {
  return std::isfinite(value) ? fmt::format(fmt::runtime(format), value) : std::string("-");
}

std::string duration_cell(double seconds) {
  return std::isfinite(seconds) ? format_duration(seconds) : std::string("-");
}

std::string format_table(const std::vector<Align>& columns, const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths(columns.size(), 0);
  for (const auto& row : rows) {
    CHECK(row.size() == columns.size(), "a row has {} cells, the table {} columns", row.size(), columns.size());
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], size_t(columns_of(row[i])));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string space(widths[i] - size_t(columns_of(row[i])), ' ');
      line += (i > 0 ? "  " : "") + (columns[i] == Align::right ? space + row[i] : row[i] + space);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string markdown_table(const std::vector<Align>& columns, const std::vector<std::vector<std::string>>& rows) {
  std::string text;
  for (size_t i = 0; i < rows.size(); ++i) {
    for (const std::string& raw : rows[i]) {
      text += "| ";
      for (const char c : raw) text += c == '|' ? std::string("\\|") : std::string(1, c);
      text += " ";
    }
    text += "|\n";
    if (i > 0) continue;
    for (const Align align : columns) text += align == Align::left ? "|---" : "|---:";
    text += "|\n";
  }
  return text;
}

}  // namespace skein
