// Runs a subcommand within the test's process and returns what it prints to stdout.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "apps/command_line.h"

namespace skein::testing {

// `add`: declares the command (apps/commands.h). Errors of the command are thrown.
inline std::string command_output(void (*add)(Command&), const std::vector<std::string>& arguments) {
  Command root("skein", "");
  add(root);
  ::testing::internal::CaptureStdout();
  try {
    run_command(root, arguments);
  } catch (...) {
    ::testing::internal::GetCapturedStdout();
    throw;
  }
  std::fflush(stdout);
  return ::testing::internal::GetCapturedStdout();
}

}  // namespace skein::testing
