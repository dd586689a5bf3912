// Words of a command as text for a POSIX shell.
#pragma once

#include <string>
#include <vector>

namespace skein {

// Joined by spaces. A word with a character that a shell may interpret is in single quotes.
std::string shell_words(const std::vector<std::string>& words);

}  // namespace skein
