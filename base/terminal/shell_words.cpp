#include "base/terminal/shell_words.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <string_view>

namespace skein {

std::string shell_words(const std::vector<std::string>& words) {
  constexpr std::string_view kSafe = "._=+-/:,@%";
  std::vector<std::string> quoted;
  for (const std::string& word : words) {
    const bool safe = !word.empty() && std::all_of(word.begin(), word.end(), [&](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || kSafe.find(c) != std::string_view::npos;
    });
    std::string text = "'";
    for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    quoted.push_back(safe ? word : text + "'");
  }
  return fmt::format("{}", fmt::join(quoted, " "));
}

}  // namespace skein
