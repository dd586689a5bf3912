// skein: the command line.
#pragma once

namespace skein {

// Exit status: 0 done, 1 the run failed, 2 the command line or a file is wrong, 128 + n stopped by signal n. May start
// the program anew, with another environment.
int run_program(int argc, char** argv);

}  // namespace skein
