// The version of skein, as in --version, in run folders and in checkpoints.
#pragma once

namespace skein {

const char* version();
const char* commit();  // of the sources, with "-dirty" where they were changed after it; empty: built without git

}  // namespace skein
