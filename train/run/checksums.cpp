#include "train/run/checksums.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "base/check.h"
#include "base/files.h"
#include "base/sha256.h"

namespace skein {
namespace fs = std::filesystem;

Checksums checksums_of(const std::string& folder) {
  Checksums sums;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (const std::string name = fs::relative(entry.path(), folder).string();
        entry.is_regular_file() && "/" + name != kChecksumFile)
      sums[name] = sha256_of_file(entry.path().string());
  return sums;
}

void write_checksums(const std::string& folder, const Checksums& sums) {
  std::string text;
  for (const auto& [name, digest] : sums) text += fmt::format("{}  {}\n", digest, name);
  write_text(folder + kChecksumFile, text);
}

Checksums read_checksums(const std::string& folder) {
  constexpr size_t kDigits = 64, kName = kDigits + 2;
  const std::string path = folder + kChecksumFile;
  Checksums sums;
  if (!fs::exists(path)) return sums;
  std::istringstream lines(read_text(path));
  for (std::string line; std::getline(lines, line);) {
    if (line.size() <= kName || line.find_first_not_of("0123456789abcdef") != kDigits)
      throw BadInput("{}: damaged: the line '{}' is no digest and name. Take another checkpoint", path,
                     line.substr(0, kName));
    sums[line.substr(kName)] = line.substr(0, kDigits);
  }
  return sums;
}

void check_file(const std::string& folder, const std::string& name, const Checksums& sums) {
  const auto known = sums.find(name);
  const std::string path = folder + "/" + name;
  if (known == sums.end() || sha256_of_file(path) == known->second) return;
  throw BadInput("{}: damaged: it is not the file that was written ({} has another checksum). Take another checkpoint",
                 path, folder + kChecksumFile);
}

std::vector<std::string> damage(const std::string& folder) {
  std::vector<std::string> found;
  try {
    const Checksums sums = read_checksums(folder);
    for (const auto& [name, digest] : sums) try {
        check_file(folder, name, sums);
      } catch (const BadInput& e) {
        found.emplace_back(e.what());
      }
  } catch (const BadInput& e) {
    found.emplace_back(e.what());
  }
  return found;
}

}  // namespace skein
