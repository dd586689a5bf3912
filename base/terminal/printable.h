// Names of files as text for messages and JSON. A file name is any sequence of bytes; text is UTF-8 (RFC 3629).
#pragma once

#include <string>
#include <string_view>

namespace skein {

// Replaces each byte that is not part of valid UTF-8, and each control character, by \xNN. Text stays as it is.
std::string printable(std::string_view bytes);

}  // namespace skein
