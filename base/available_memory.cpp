#include "base/available_memory.h"

#include <algorithm>
#include <fstream>
#include <optional>

namespace skein {
namespace {

// The number that follows the word `key`, or nothing.
std::optional<int64_t> field(const std::string& file, const std::string& key) {
  std::ifstream in(file);
  for (std::string word; in >> word;) {
    int64_t number = 0;
    if (word == key && in >> number) return number;
    in.clear();
  }
  return {};
}

// The number that a file holds; nothing where there is no file, or "max".
std::optional<int64_t> number_in(const std::string& file) {
  std::ifstream in(file);
  int64_t number = 0;
  if (in >> number) return number;
  return {};
}

// What the limits of a group and of those above it leave. Memory of files that can be dropped is not counted as used.
int64_t left_by_groups(const std::string& mount, std::string group, const char* limit_file, const char* usage_file,
                       const std::string& total) {
  int64_t left = INT64_MAX;
  for (;;) {
    const std::string folder = mount + group;
    const auto limit = number_in(folder + limit_file), used = number_in(folder + usage_file);
    if (limit && used) {
      int64_t files = 0;
      for (const char* kind : {"inactive_file", "active_file"})
        files += field(folder + "/memory.stat", total + kind).value_or(0);
      left = std::min(left, *limit - std::max<int64_t>(0, *used - files));
    }
    if (group.empty()) return std::max<int64_t>(left, 0);
    group.resize(std::min(group.rfind('/'), group.size() - 1));
  }
}

}  // namespace

int64_t available_memory(const std::string& root) {
  int64_t available = INT64_MAX;
  const std::string meminfo = root + "/proc/meminfo";
  if (const auto kilobytes = field(meminfo, "MemAvailable:"))
    available = 1024 * (*kilobytes + field(meminfo, "SwapFree:").value_or(0));
  // Lines as "0::/user.slice/one" (version 2) and "4:memory:/one" (version 1). Within a container the path may be the
  // host's, and the group itself lie at the mount.
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
    const std::string group = path == "/" ? "" : path;
    if (controllers.empty())
      available =
          std::min(available, left_by_groups(root + "/sys/fs/cgroup", group, "/memory.max", "/memory.current", ""));
    if ("," + controllers + "," == ",memory,")
      available = std::min(available, left_by_groups(root + "/sys/fs/cgroup/memory", group, "/memory.limit_in_bytes",
                                                     "/memory.usage_in_bytes", "total_"));
  }
  return available;
}

}  // namespace skein
