// A training run that takes a fraction of a second, and comparisons of two run folders.
#pragma once

#include <cstring>
#include <sstream>

#include "base/formats/json.h"
#include "engine/safetensors.h"
#include "tests/support/data_files.h"
#include "train/run/run.h"

namespace skein::testing {

inline TrainConfig small_config() {
  TrainConfig c;
  c.model = "resnet8";
  c.data = "synthetic";
  c.synthetic_train = 76;  // ten steps of 8, the last one of 4
  c.synthetic_test = 30;
  c.synthetic_size = 8;
  c.epochs = 2;
  c.batch = 8;
  c.eval_batch = 16;
  c.lr = 0.05;
  return c;
}

inline std::string last(const std::string& run) { return run + "/checkpoints/last"; }
inline bool never() { return false; }

inline std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::istringstream text(read_file(path));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

// The lines of this type in metrics.jsonl.
inline std::vector<Json> records(const std::filesystem::path& path, const std::string& type) {
  std::vector<Json> all;
  for (const std::string& line : lines_of(path))
    if (Json j = Json::parse(line); j.at("type") == type) all.push_back(std::move(j));
  return all;
}

// The rows of summary.csv without their two times.
inline std::vector<std::string> without_times(const std::filesystem::path& path) {
  std::vector<std::string> rows = lines_of(path);
  for (std::string& row : rows)
    for (int i = 0; i < 2; ++i) row.resize(row.rfind(','));
  return rows;
}

inline void expect_same_tensors(const std::string& a, const std::string& b) {
  const auto x = SafetensorsFile::open(a), y = SafetensorsFile::open(b);
  ASSERT_EQ(x->names(), y->names());
  for (const std::string& name : x->names()) {
    ASSERT_EQ(x->at(name).bytes, y->at(name).bytes);
    EXPECT_EQ(std::memcmp(x->at(name).data, y->at(name).data, x->at(name).bytes), 0) << name << " differs";
  }
}

}  // namespace skein::testing
