#include "apps/version.h"

namespace skein {

const char* version() { return SKEIN_VERSION; }

}  // namespace skein
