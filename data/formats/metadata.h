// Metadata values of dataset files: JSON in strings of the safetensors header. BadInput names the file, the key and the
// fix.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/formats/json.h"
#include "engine/safetensors.h"

namespace skein {

constexpr const char* kImportAgain = "Import it again with `skein data import`";

template <class T>
T read_metadata(
    const SafetensorsFile& file, const std::string& key,
    T (*convert)(const Json&) = [](const Json& json) { return json.get<T>(); }) {
  try {
    return convert(Json::parse(file.meta(key)));
  } catch (const JsonError& e) {
    throw BadInput("{}: metadata '{}' is damaged ({}). {}", file.path(), key, e.what(), kImportAgain);
  }
}

// Reads one finite number per channel to `to`.
inline void read_constants(const SafetensorsFile& file, const std::string& key, bool positive, int64_t channels,
                           float* to) {
  const auto values = read_metadata<std::vector<float>>(file, key);
  bool good = int64_t(values.size()) == channels;
  for (float v : values) good = good && std::isfinite(v) && (!positive || v > 0);
  if (!good)
    throw BadInput("{}: metadata '{}' are not {} {}numbers, one per channel. {}", file.path(), key, channels,
                   positive ? "positive " : "", kImportAgain);
  std::copy(values.begin(), values.end(), to);
}

}  // namespace skein
