#include <gtest/gtest.h>

#include "tests/support/rank_main.h"

int main(int argc, char** argv) {
  if (argc > 2 && std::string(argv[1]) == "rank") return skein::testing::rank_main(argv[2], argc > 3 ? argv[3] : "");
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
