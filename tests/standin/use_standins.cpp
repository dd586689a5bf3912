// Before main(): tests of the emulated GPU, and the processes they start, use the stand-ins unless told otherwise, and
// no plan that an earlier build left on disk.
#include <cstdlib>

#include "tests/support/run_binary.h"

namespace {

const bool used = [] {
  setenv("SKEIN_CUDNN", skein::testing::built("libskein_cudnn_standin.so").c_str(), 0);
  setenv("SKEIN_CUBLAS", skein::testing::built("libskein_cublas_standin.so").c_str(), 0);
  setenv("SKEIN_NCCL", skein::testing::built("libskein_nccl_standin.so").c_str(), 0);
  // cuDNN closes libraries whose memory it keeps: in a process that it was used in no leak has a name to suppress.
  // Here, in the tests themselves, leaks are looked for.
  setenv("ASAN_OPTIONS", "detect_leaks=0", 0);
  setenv("SKEIN_PLAN_CACHE", "", 0);
  return true;
}();

}  // namespace

// cuDNN and the cuBLASLt inside it keep what they allocate while planning, OpenMP what it has for a thread.
extern "C" const char* __lsan_default_suppressions() { return "leak:libcudnn\nleak:libcublas\nleak:libomp\n"; }

// cuDNN closes libraries whose memory it keeps; left open, they have a name that the above can match.
extern "C" int dlclose(void*) noexcept { return 0; }
