// Fields of a CSV file (RFC 4180): a field with a comma, a quote or a line break is quoted, and its quotes are doubled.
#pragma once

#include <string>
#include <string_view>

namespace skein {

inline std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace skein
