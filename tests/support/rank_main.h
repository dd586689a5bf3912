// The program that a test starts as one rank of several:  skein_tests rank MODE [DIR]
#pragma once

#include <string>

namespace skein::testing {

// Returns the exit status. Modes:
//   script                       all collective operations (communicator_script.h); writes its numbers to DIR/RANK
//   grid, few-grid, resumed-grid trains all or few configurations of training_grid.h; writes its lines to DIR/RANK
//   throw, kill, silent, short   rank 2 throws, dies, does not answer, or passes another size than the other ranks
int rank_main(const std::string& mode, const std::string& dir);

}  // namespace skein::testing
