// A run that is stopped and resumed twice has the same bits as one that is not: each compression with each momentum,
// with the schedules in turn.
#include <gtest/gtest.h>

#include "tests/support/training_grid.h"

namespace skein::testing {

TEST(LocalSgd, ConfigurationsResumeToTheBit) {
  const TempDir dir;
  ProcessGroup alone;
  EXPECT_EQ(train_to_lines(alone, few_configurations(), (dir / "checkpoint").string()),
            train_to_lines(alone, few_configurations()));
}

}  // namespace skein::testing
