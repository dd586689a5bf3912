// The runs of a sweep that are not done, trained in processes of their own, with a line on each start and end.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/sweep/sweep_plan.h"

namespace skein {

// Lines about the runs: beside the table where that is text, else on stderr, so that stdout is the table alone.
class SweepProgress {
 public:
  explicit SweepProgress(bool to_stdout) : to_stdout_(to_stdout) {}
  template <class... A>
  void say(fmt::format_string<A...> format, A&&... arguments) const {
    say_text(fmt::format(format, std::forward<A>(arguments)...));
  }
  void say_command(std::string_view label, const std::vector<std::string>& words) const;

 private:
  void say_text(const std::string& line) const;

  bool to_stdout_;
};

// The folder has a run with all its epochs.
bool is_done(const std::string& folder);

// The last message of skein, "skein: ...", without the program's name, in what a log has from `begin` on. Empty: none.
std::string last_error(const std::string& log, size_t begin = 0);

struct SweepOutcome {
  size_t failed = 0, stopped = 0;
  int signal = 0;  // that stopped the runs; 0: none
};

// Trains `runs` of the sweep in `folder`, at most `jobs` at a time (0: one), and waits for them. The machine's cores
// are shared out where several train at once, unless the runs have --threads (threads_given). RunFailed where a process
// or a log cannot be made.
SweepOutcome train_runs(const std::vector<SweepRun>& runs, const std::string& folder, int64_t jobs, bool threads_given,
                        const SweepProgress& progress);

}  // namespace skein
