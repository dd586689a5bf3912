// The version of the program: in --version, in every run folder and in every checkpoint.
#pragma once

namespace skein {

const char* version();

}  // namespace skein
