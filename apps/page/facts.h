// The facts that the page draws: all runs below some folders, read without changing them, as one JSON document:
//   {"schema": 1, "version", "title", "made": time in UTC, "live", "digest",
//    "runs": [as RunReader::facts()], "groups": [[indices of runs that differ in --seed only]],
//    "differs": [settings that are not the same in all runs], "left_out": [folders that cannot be read, and why]}
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apps/page/page.h"
#include "apps/page/run_reader.h"

namespace skein {

class Facts {
 public:
  // Each of `folders` is a run or holds runs at any depth.
  explicit Facts(std::vector<std::string> folders) : folders_(std::move(folders)) {}

  // Finds new runs and reads what the others have written since the last call. True where something has changed.
  // BadInput where a folder is not there.
  bool update();

  size_t runs() const { return runs_.size(); }
  const std::vector<std::string>& left_out() const { return left_out_; }
  Json document(bool live) const;
  std::string digest() const;  // changes with every update() that returns true, and is another in every process

 private:
  std::vector<std::string> folders_;
  std::map<std::string, std::unique_ptr<RunReader>> runs_;  // by folder, so in the order of their paths
  std::vector<std::string> left_out_;
  std::string process_ = random_token(4);
  int64_t changes_ = 0;  // updates that have changed something
};

}  // namespace skein
