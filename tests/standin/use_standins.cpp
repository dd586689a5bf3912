// Before main(): tests of the emulated GPU, and the processes they start, use the stand-ins unless told otherwise, and
// no plan that an earlier build left on disk.
#include <cstdlib>

namespace {

const bool used = [] {
  setenv("SKEIN_CUDNN", SKEIN_CUDNN_STANDIN, 0);
  setenv("SKEIN_CUBLAS", SKEIN_CUBLAS_STANDIN, 0);
  setenv("SKEIN_NCCL", SKEIN_NCCL_STANDIN, 0);
  // cuDNN closes libraries whose memory it keeps: in a process that it was used in no leak has a name to suppress.
  // Here, in the tests themselves, leaks are looked for.
  setenv("ASAN_OPTIONS", "detect_leaks=0", 0);
  setenv("SKEIN_PLAN_CACHE", "", 0);
  return true;
}();

}  // namespace

// cuDNN and the cuBLASLt inside it keep what they allocate while planning.
extern "C" const char* __lsan_default_suppressions() { return "leak:libcudnn\nleak:libcublas\n"; }

// cuDNN closes libraries whose memory it keeps; left open, they have a name that the above can match.
extern "C" int dlclose(void*) { return 0; }
