// Before main(): lets tests of the emulated GPU, and the processes they start, use the stand-ins unless the environment
// says otherwise, and no cached plans of earlier builds.
#include <cstdlib>

#include "tests/support/run_binary.h"

namespace {

const bool used = [] {
  setenv("SKEIN_CUDNN", skein::testing::built("libskein_cudnn_standin.so").c_str(), 0);
  setenv("SKEIN_CUBLAS", skein::testing::built("libskein_cublas_standin.so").c_str(), 0);
  setenv("SKEIN_NCCL", skein::testing::built("libskein_nccl_standin.so").c_str(), 0);
  // For child processes: cuDNN closes libraries whose memory it keeps, so its leaks have no name to suppress. The
  // tests' own process still detects leaks.
  setenv("ASAN_OPTIONS", "detect_leaks=0", 0);
  setenv("SKEIN_PLAN_CACHE", "", 0);
  return true;
}();

}  // namespace

// cuDNN, the cuBLASLt inside it and OpenMP keep memory that they have allocated once.
extern "C" const char* __lsan_default_suppressions() { return "leak:libcudnn\nleak:libcublas\nleak:libomp\n"; }

// Libraries are never closed: closed ones would have no name for the suppressions above to match.
extern "C" int dlclose(void*) noexcept { return 0; }
