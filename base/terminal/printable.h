// Names of files and numbers of things as text for messages. A file name is any sequence of bytes; text is UTF-8
// (RFC 3629).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace skein {

// Replaces each byte that is not part of valid UTF-8, and each control character, by \xNN. Text stays as it is.
std::string printable(std::string_view bytes);

// "1 epoch", "2 epochs": of words that take an s.
std::string counted(int64_t n, std::string_view word);

}  // namespace skein
