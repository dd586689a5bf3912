// Sizes of messages as text: 1KB is 1024 bytes, as in nccl-tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace skein {

// "1KB,32MB" is these two; "1KB:1GB" goes from one to the other, each four times the one before. BadInput: not a size,
// or less than 4 bytes, or more than 16 GB.
std::vector<int64_t> parse_sizes(const std::string& text);
std::string format_size(int64_t bytes);  // "1.5MB"; exact sizes without a point

}  // namespace skein
