// Curves as a line of text. Where the locale is not UTF-8 (LC_ALL, LC_CTYPE, LANG), characters of ASCII stand for the
// blocks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace skein {

// At most `width` columns, of eight heights from the least value to the greatest; values that are not finite leave a
// space. Where there are more values than columns, a column is the mean of consecutive ones.
std::string sparkline(const std::vector<double>& values, int64_t width, bool utf8);
std::string sparkline(const std::vector<double>& values, int64_t width);  // by the locale

// The first `width` characters of a text in UTF-8.
std::string cut_to(const std::string& text, int64_t width);

}  // namespace skein
