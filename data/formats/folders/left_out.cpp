#include "data/formats/folders/left_out.h"

#include <fmt/format.h>

#include "base/terminal/printable.h"

namespace skein {

void LeftOut::add(const std::string& reason, const std::string& path) {
  constexpr size_t kNamed = 3;
  Group& group = groups_[reason];
  if (++group.count <= int64_t(kNamed)) group.first.push_back(path);
}

std::vector<std::string> LeftOut::lines() const {
  std::vector<std::string> lines;
  for (const auto& [reason, group] : groups_) {
    std::string paths;
    for (const std::string& p : group.first) paths += (paths.empty() ? "" : ", ") + printable(p);
    lines.push_back(fmt::format("left out {} ({}): {}{}", group.count, reason, paths,
                                group.count > int64_t(group.first.size()) ? ", ..." : ""));
  }
  return lines;
}

}  // namespace skein
