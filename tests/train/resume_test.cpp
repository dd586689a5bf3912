// Everything that can travel with every momentum, the schedules by turns: stopped twice, a run goes on as if it never
// had been.
#include <gtest/gtest.h>

#include "tests/support/train_cells.h"

namespace skein::testing {

TEST(LocalSgd, CellsGoOnToTheBit) {
  const TempDir dir;
  ProcessGroup alone;
  EXPECT_EQ(lines_of_cells(alone, few_cells(), (dir / "checkpoint").string()), lines_of_cells(alone, few_cells()));
}

}  // namespace skein::testing
