// Helpers of the fuzzers: files in a memory file system, for readers that open files, and the errors that are allowed.
#pragma once

#include <fuzzer/FuzzedDataProvider.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/check.h"
#include "data/formats/formats.h"
#include "data/image/image_reader.h"

namespace skein::fuzz {

// A temporary folder in memory, removed at exit.
inline const std::filesystem::path& folder() {
  static const std::filesystem::path path = [] {
    std::string name = "/dev/shm/skein-fuzz-XXXXXX";
    if (!mkdtemp(name.data())) std::abort();
    static std::filesystem::path remembered = name;
    std::atexit([] { std::filesystem::remove_all(remembered); });
    return remembered;
  }();
  return path;
}

inline std::string write(const std::string& name, const std::string& bytes) {
  const std::string path = (folder() / name).string();
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

// Runs a reader. It may succeed or throw one of these; anything else is a finding.
template <class F>
void read(F&& f) {
  try {
    f();
  } catch (const BadInput&) {
  } catch (const BadImage&) {
  }
}

// Reads every label and every pixel of a dataset.
inline uint64_t touch(const Dataset& d) {
  uint64_t sum = 0;
  for (int64_t i = 0; i < d.size(); ++i) sum += d.classes.at(size_t(d.label()[i])).size();
  if (!d.is_encoded())
    for (int64_t i = 0; i < d.pixels().numel(); ++i) sum += d.pixels().as<const uint8_t>()[i];
  return sum;
}

}  // namespace skein::fuzz
