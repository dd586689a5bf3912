// The checksums of a checkpoint's files: SHA256SUMS, which `sha256sum --check` reads too. One file names the digests of
// all others, so a flipped bit, a file cut short, and a file of another checkpoint are all noticed. Checkpoints of
// older versions have none and are taken as they are.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace skein {

inline constexpr const char kChecksumFile[] = "/SHA256SUMS";

// By the file's name within the checkpoint.
using Checksums = std::map<std::string, std::string>;

// The checksums of all files of a folder and its subfolders, but its own SHA256SUMS.
Checksums checksums_of(const std::string& folder);
void write_checksums(const std::string& folder, const Checksums& sums);

// BadInput where the list is damaged. Empty where there is none.
Checksums read_checksums(const std::string& folder);
// BadInput where the file is not the one that was written. A file that the list does not name is not checked.
void check_file(const std::string& folder, const std::string& name, const Checksums& sums);
// One sentence per file of the checkpoint that is missing or damaged.
std::vector<std::string> damage(const std::string& folder);

}  // namespace skein
