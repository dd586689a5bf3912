// The value of --timeout.
#pragma once

#include <string>

namespace skein {

double parse_timeout(const std::string& text);  // "30s", "5min", "2h" in seconds; BadInput

}  // namespace skein
