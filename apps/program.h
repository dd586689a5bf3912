// The program skein: runs the subcommand named on the command line and turns errors into messages and exit statuses.
#pragma once

namespace skein {

// Returns the exit status (apps/exit_status.h). Restarts the program once, with another environment, where OpenMP's
// threads would spin (limit_spinning() in program.cpp).
int run_program(int argc, char** argv);

}  // namespace skein
