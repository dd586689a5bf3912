#include "base/terminal/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace skein {
namespace {

constexpr std::string_view kReset = "\x1b[0m";
constexpr size_t kLabel = 9;  // columns of a label and the space after it: "saved    /a/run", "averaged 91.2 %"

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// Length of the escape sequence ESC [ numbers m at the start of text; 0: none.
size_t colour_length(std::string_view text) {
  if (!text.starts_with("\x1b[")) return 0;
  const size_t end = text.find_first_not_of("0123456789;", 2);
  return end == text.npos || text[end] != 'm' ? 0 : end + 1;
}

// The column at which a line is continued: that of its second field.
size_t hanging_indent(std::string_view line, int64_t width) {
  const size_t text = std::min(line.find_first_not_of(' '), line.size());
  const bool full_label = text == 0 && line.find(' ') == kLabel - 1;
  const size_t gap = full_label ? kLabel - 1 : line.find("  ", text);
  const size_t second = gap == line.npos ? line.npos : line.find_first_not_of(' ', gap);
  const size_t limit = size_t(width) * 3 / 5;
  if (second < limit) return size_t(columns_of(line.substr(0, second)));
  return std::min(text + 2, limit);
}

// Number of bytes of a line that are put on the first `width` columns: up to a space, or a whole word that is wider.
size_t first_part(std::string_view line, int64_t width, size_t indent) {
  size_t cut = line.npos;
  for (size_t at = line.find(' ', indent); at != line.npos; at = line.find(' ', at + 1)) {
    if (columns_of(line.substr(0, at)) > width) break;
    if (line[at - 1] != ' ') cut = at;
  }
  return cut == line.npos ? line.find(' ', indent) : cut;
}

std::string wrap_line(std::string line, int64_t width) {
  std::string text;
  const size_t indent = hanging_indent(line, width);
  size_t start = std::min(line.find_first_not_of(' '), line.size());
  while (columns_of(line) > width) {
    const size_t cut = first_part(line, width, start + 1);
    const size_t rest = cut == line.npos ? cut : line.find_first_not_of(' ', cut);
    if (rest == line.npos) break;
    text += line.substr(0, cut) + "\n";
    line = std::string(indent, ' ') + line.substr(rest);
    start = indent;
  }
  return text + line;
}

}  // namespace

int64_t terminal_width(int file) {
  winsize size{};
  return ioctl(file, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

bool is_live_terminal(int file) {
  return isatty(file) && variable("TERM") != "dumb" && variable("OMPI_COMM_WORLD_RANK").empty();
}

bool wants_colour(int file) { return is_live_terminal(file) && variable("NO_COLOR").empty(); }

std::string styled(std::string_view text, Style style, int file) {
  if (!wants_colour(file)) return std::string(text);
  const std::string_view code = style == Style::good ? "\x1b[32m" : style == Style::warning ? "\x1b[33m" : "\x1b[31m";
  return std::string(code) + std::string(text) + std::string(kReset);
}

int64_t columns_of(std::string_view text) {
  int64_t columns = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (const size_t colour = colour_length(text.substr(i)))
      i += colour - 1;
    else
      columns += (text[i] & 0xC0) != 0x80;
  }
  return columns;
}

std::string wrap(std::string_view text, int64_t width) {
  std::string wrapped;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    wrapped += wrap_line(std::string(text.substr(begin, end - begin)), width);
    if (end < text.size()) wrapped += '\n';
    begin = end + 1;
  }
  return wrapped;
}

std::string fit(std::string_view text, int file) {
  return is_live_terminal(file) ? wrap(text, terminal_width(file)) : std::string(text);
}

}  // namespace skein
