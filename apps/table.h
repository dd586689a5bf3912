// A table of text: columns as wide as their widest cell, two spaces between them. Width is counted in characters of
// UTF-8, each taken as one column wide.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace skein {

enum class Align : uint8_t { left, right };

// A measured number, and a time; "-" where none was measured (not finite). `format`: of fmt.
std::string number_cell(double value, const char* format);
std::string duration_cell(double seconds);

// `rows` has the titles first; each row has one cell per entry of `columns`. Ends with a line break.
// markdown_table(): the same in Markdown.
std::string format_table(const std::vector<Align>& columns, const std::vector<std::vector<std::string>>& rows);
std::string markdown_table(const std::vector<Align>& columns, const std::vector<std::vector<std::string>>& rows);

}  // namespace skein
