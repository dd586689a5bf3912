// Facts about a terminal: its width, whether its line can be redrawn and coloured, and text laid out for it. A pipe and
// a file are no terminals: they get plain text, one line per line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace skein {

// Columns of the terminal behind a file descriptor; 80 if it does not say.
int64_t terminal_width(int file);

// A terminal that understands escape sequences: not one that TERM calls dumb, nor one that Open MPI's mpirun has made
// for a process, whose output may end in a pipe or a file.
bool is_live_terminal(int file);

// A live terminal whose user wants colours: NO_COLOR is unset or empty (https://no-color.org).
bool wants_colour(int file);

enum class Style : uint8_t { good, warning, error };

// `text` in the colour of a style, if the terminal wants one.
std::string styled(std::string_view text, Style style, int file);

// Number of columns that text takes: characters of UTF-8, each taken as one column wide. Colours take none.
int64_t columns_of(std::string_view text);

// Breaks each line that is wider than `width` at spaces. What follows is indented to the line's second field, which
// begins after the first two spaces or more, or after one where a first word of eight letters fills the column of
// labels ("averaged 91.2 %"); by two where that lies beyond three fifths of the width. A word that is wider than a line
// stays whole.
std::string wrap(std::string_view text, int64_t width);

// Wraps text for the terminal behind a file descriptor; as it is, if that is no live terminal.
std::string fit(std::string_view text, int file);

}  // namespace skein
