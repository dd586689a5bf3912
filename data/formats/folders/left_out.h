// Files that an import leaves out, counted by the reason.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace skein {

class LeftOut {
 public:
  void add(const std::string& reason, const std::string& path);
  // One line for each reason: "left out 5 in test/, which has no labels: test/a.jpg, test/b.jpg, ...".
  std::vector<std::string> lines() const;

 private:
  struct Group {
    int64_t count = 0;
    std::vector<std::string> first;  // paths
  };
  std::map<std::string, Group> groups_;
};

}  // namespace skein
