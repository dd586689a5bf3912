// Runs of several workers, as threads or as processes, and what they are compared by.
#pragma once

#include "tests/support/run_binary.h"
#include "tests/support/train_cells.h"

namespace skein::testing {

// The processes' lines, in files by rank, against those of threads.
inline void expect_cells_of_threads(const TempDir& dir, const std::vector<TrainConfig>& which) {
  std::vector<std::string> lines;
  for (int rank = 0; rank < kCellWorkers; ++rank)
    for (const std::string& line : lines_of(dir / std::to_string(rank))) lines.push_back(line);
  ProcessGroup alone;
  std::vector<std::string> expected = lines_of_cells(alone, which);
  std::sort(lines.begin(), lines.end());
  std::sort(expected.begin(), expected.end());
  ASSERT_EQ(expected.size(), which.size() * (kCellWorkers + 1));
  EXPECT_EQ(lines, expected);
}

// A run of several workers, as threads or processes; --out is missing.
inline const std::string kTeamRun = kSkein +
                                    " train --model resnet8 --data synthetic --synthetic-train 160 "
                                    "--synthetic-test 30 --synthetic-size 8 --epochs 2 --batch 8 --eval-batch 16 "
                                    "--lr 0.05 --conv onednn --threads 1 --sync local:H=3 --compress ef-sign ";

inline void expect_same_run(const std::string& a, const std::string& b, int workers) {
  std::vector<std::string> files = {"model"};
  for (int r = 0; r < workers; ++r) files.push_back(fmt::format("worker-{}", r));
  for (const std::string& f : files) {
    const std::string path = fmt::format("/checkpoints/last/{}.safetensors", f), text = read_file(a + path);
    EXPECT_FALSE(text.empty()) << f;
    EXPECT_EQ(text, read_file(b + path)) << f;
  }
  EXPECT_EQ(without_times(a + "/summary.csv"), without_times(b + "/summary.csv"));
}

}  // namespace skein::testing
