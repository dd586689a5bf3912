// A stand-in for NVIDIA's driver library that says "no device" to everything: with it the real cuDNN finalises plans of
// engines that are compiled at run time. It looks these functions up by name and does not mind their parameters.
namespace {

constexpr int kNoDevice = 100;  // CUDA_ERROR_NO_DEVICE

}  // namespace

#define SAYS_NO_DEVICE(name) \
  extern "C" int name() { return kNoDevice; }

extern "C" int cuDeviceGetCount(int* count) {
  *count = 0;
  return 0;
}
extern "C" int cuDriverGetVersion(int* version) {
  *version = 13000;
  return 0;
}
SAYS_NO_DEVICE(cuInit)
SAYS_NO_DEVICE(cuCtxGetCurrent)
SAYS_NO_DEVICE(cuCtxGetLimit)
SAYS_NO_DEVICE(cuCtxPopCurrent)
SAYS_NO_DEVICE(cuCtxPushCurrent)
SAYS_NO_DEVICE(cuDeviceGet)
SAYS_NO_DEVICE(cuGetErrorName)
SAYS_NO_DEVICE(cuGetErrorString)
SAYS_NO_DEVICE(cuKernelGetAttribute)
SAYS_NO_DEVICE(cuKernelSetAttribute)
SAYS_NO_DEVICE(cuLaunchCooperativeKernel)
SAYS_NO_DEVICE(cuLaunchKernel)
SAYS_NO_DEVICE(cuLaunchKernelEx)
SAYS_NO_DEVICE(cuLibraryGetKernel)
SAYS_NO_DEVICE(cuLibraryLoadData)
SAYS_NO_DEVICE(cuLibraryLoadFromFile)
SAYS_NO_DEVICE(cuLibraryUnload)
SAYS_NO_DEVICE(cuLinkAddData)
SAYS_NO_DEVICE(cuLinkComplete)
SAYS_NO_DEVICE(cuLinkCreate)
SAYS_NO_DEVICE(cuLinkDestroy)
SAYS_NO_DEVICE(cuOccupancyMaxPotentialClusterSize)
SAYS_NO_DEVICE(cuStreamGetCtx)
