#include <gtest/gtest.h>

#include "tests/support/process_worker.h"

int main(int argc, char** argv) {
  if (argc > 2 && std::string(argv[1]) == "worker") return skein::testing::run_worker(argv[2], argc > 3 ? argv[3] : "");
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
