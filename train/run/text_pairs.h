// The wire format in which ranks exchange pairs of texts: "first NUL second NUL" for each pair, in order. Texts may
// have several lines, but no NUL.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace skein {

using TextPairs = std::vector<std::pair<std::string, std::string>>;

std::string to_wire(const TextPairs& pairs);
TextPairs from_wire(const std::string& wire);

}  // namespace skein
