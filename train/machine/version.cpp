#include "train/machine/version.h"

#include "skein_commit.h"

namespace skein {

const char* version() { return SKEIN_VERSION; }
const char* commit() { return SKEIN_COMMIT; }

}  // namespace skein
