// One rank of tests/comm/mpi_test.cpp, tcp_test.cpp and the like:  skein_tests worker MODE [DIR]
#pragma once

#include <string>

namespace skein::testing {

// mode: script, cells, few-cells and resumed-cells, which leave a file for each rank in dir; throw, kill, silent, short.
// The exit status.
int run_worker(const std::string& mode, const std::string& dir);

}  // namespace skein::testing
