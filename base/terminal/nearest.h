// Spelling suggestion for messages ("Did you mean ...?"): nearest name by edit distance (Levenshtein).
#pragma once

#include <string>
#include <vector>

namespace skein {

// The known name with the smallest edit distance; empty if every one needs more than max(2, a third of the name) edits.
// Among equals the first one.
std::string nearest(const std::string& name, const std::vector<std::string>& known);

}  // namespace skein
