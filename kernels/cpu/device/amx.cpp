#include "kernels/device/amx.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace skein::cpu {

int request_amx_tiles() {
#if defined(SYS_arch_prctl)
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  static const int error = syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0 ? 0 : errno;
  return error;
#else
  return ENOSYS;
#endif
}

}  // namespace skein::cpu
