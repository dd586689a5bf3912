// "Did you mean ...?" for a name that is not known.
#pragma once

#include <string>
#include <vector>

namespace skein {

// The known name with the fewest edits, or empty when none is close.
std::string nearest(const std::string& name, const std::vector<std::string>& known);

}  // namespace skein
