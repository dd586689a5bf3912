// `skein train --replay RUN`: repeats an elastic run from its membership.jsonl, with virtual workers in one process. It
// compares the SHA-256 of the consensus after each round. A lost member's steps were not merged and are not repeated.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace skein {

struct ReplayResult {
  int64_t rounds = 0;      // that were repeated, all to the bit
  bool complete = false;   // all epochs of the run are there
  bool cut_short = false;  // the file's last line is not whole
};

// The data is that of the run's config.toml; data_dir: where it is instead, or empty. BadInput where file or data
// are not those of the run; RunFailed names the first round whose consensus is another.
ReplayResult replay(const std::string& run, const std::string& data_dir, const std::function<bool()>& stop);

}  // namespace skein
