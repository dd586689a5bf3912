// The version of skein, as in --version, in run folders and in checkpoints.
#pragma once

namespace skein {

const char* version();

}  // namespace skein
