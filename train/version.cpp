#include "train/version.h"

namespace skein {

const char* version() { return SKEIN_VERSION; }

}  // namespace skein
