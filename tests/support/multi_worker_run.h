// Training with several workers, as threads of one process or as processes, and comparisons of the two.
#pragma once

#include "tests/support/run_binary.h"
#include "tests/support/training_grid.h"

namespace skein::testing {

// Compares the lines that processes have written into files by rank (tests/support/rank_main.h) with those of threads.
inline void expect_lines_of_threads(const TempDir& dir, const std::vector<TrainConfig>& configurations) {
  std::vector<std::string> lines;
  for (int rank = 0; rank < kGridWorkers; ++rank)
    for (const std::string& line : lines_of(dir / std::to_string(rank))) lines.push_back(line);
  ProcessGroup alone;
  std::vector<std::string> expected = train_to_lines(alone, configurations);
  std::sort(lines.begin(), lines.end());
  std::sort(expected.begin(), expected.end());
  ASSERT_EQ(expected.size(), configurations.size() * (kGridWorkers + 1));
  EXPECT_EQ(lines, expected);
}

// A command that trains with as many workers as there are processes, or with --workers. --out must be added.
inline const std::string kMultiWorkerRun =
    kSkein +
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
