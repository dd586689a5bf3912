// Runs the program as a user does and checks its exit status and its output.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/support/data_files.h"

namespace skein::testing {

struct ProgramOutput {
  int status;
  std::string out, err;
};

inline ProgramOutput shell(const std::string& command) {
  const TempDir dir;
  const std::string out = (dir / "out").string(), err = (dir / "err").string();
  const int result = std::system(fmt::format("( {} ) >{} 2>{}", command, out, err).c_str());
  return {WIFEXITED(result) ? WEXITSTATUS(result) : -1, read_file(out), read_file(err)};
}

// A program or library of the same build as this one.
inline std::string built(const std::string& name) {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / name).string();
}
inline const std::string kSkein = built("skein"), kRank = built("skein_tests") + " rank";

inline ProgramOutput skein(const std::string& arguments) { return shell(kSkein + " " + arguments); }

inline void expect_parts(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts)
    EXPECT_NE(text.find(part), std::string::npos) << "no '" << part << "' in: " << text;
}

// Checks the exit status, and that stderr is one line, `skein: ...`, with every part in it.
inline void expect_failure(const ProgramOutput& output, int status, const std::vector<std::string>& parts) {
  EXPECT_EQ(output.status, status) << output.err;
  EXPECT_EQ(output.err.rfind("skein: ", 0), 0u) << output.err;
  EXPECT_EQ(std::count(output.err.begin(), output.err.end(), '\n'), 1) << output.err;
  expect_parts(output.err, parts);
}

// Runs `command`, which trains into the folder `run`, and sends it the signal when its log has the first step.
inline ProgramOutput signalled_after_a_step(const std::string& command, const std::string& run,
                                            const std::string& signal) {
  return shell(fmt::format(
      "{} & pid=$!; while ! grep -q type...step {}/metrics.jsonl 2>/dev/null; do sleep 0.02; done; kill -{} $pid; "
      "wait $pid",
      command, run, signal));
}

// Ten steps an epoch, the last one short, in a fraction of a second.
inline const std::string kSmallRun =
    "train --model resnet8 --data synthetic --synthetic-train 76 --synthetic-test 30 --synthetic-size 8 --epochs 2 "
    "--batch 8 --eval-batch 16 --lr 0.05 --conv onednn";

}  // namespace skein::testing
