// Standard input, output and error of the program, where they may be closed, or be a pipe or a terminal that is gone.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skein {

// Opens each of the descriptors 0, 1 and 2 that is closed on /dev/null. Otherwise the next file that is opened, a log
// for example, would get the number of standard output and with it all that is printed.
void open_standard_files();

// Prints "skein: MESSAGE" as a line on stderr, wrapped to a terminal's width; what cannot be printed is dropped.
void print_error(const std::string& message);

// Prints what a long run reports beside its files, and flushes it. Where standard output cannot be written any more (a
// reader that ended, a terminal that was closed, a full disk), says so once on stderr, and from then on stdout is
// /dev/null. Needs SIGPIPE to be ignored.
void report_whole(std::string_view text);

// The same, wrapped to a terminal's width.
void report_text(const std::string& line);

// A line with a command to copy. It has no line breaks, however narrow the terminal is. label: at most eight letters.
void report_command(std::string_view label, const std::vector<std::string>& words);

template <class... A>
void report(fmt::format_string<A...> format, A&&... arguments) {
  report_text(fmt::format(format, std::forward<A>(arguments)...));
}

}  // namespace skein
