// Stand-in for NVIDIA's driver library that answers "no device" to everything. With it the real cuDNN finalises plans
// of engines that are compiled at run time. cuDNN looks these functions up by name, so their parameters can be omitted.
namespace {

constexpr int kNoDevice = 100;  // CUDA_ERROR_NO_DEVICE

}  // namespace

#define RETURNS_NO_DEVICE(name) \
  extern "C" int name() { return kNoDevice; }

extern "C" int cuDeviceGetCount(int* count) {
  *count = 0;
  return 0;
}
extern "C" int cuDriverGetVersion(int* version) {
  *version = 13000;
  return 0;
}
RETURNS_NO_DEVICE(cuInit)
RETURNS_NO_DEVICE(cuCtxGetCurrent)
RETURNS_NO_DEVICE(cuCtxGetLimit)
RETURNS_NO_DEVICE(cuCtxPopCurrent)
RETURNS_NO_DEVICE(cuCtxPushCurrent)
RETURNS_NO_DEVICE(cuDeviceGet)
RETURNS_NO_DEVICE(cuGetErrorName)
RETURNS_NO_DEVICE(cuGetErrorString)
RETURNS_NO_DEVICE(cuKernelGetAttribute)
RETURNS_NO_DEVICE(cuKernelSetAttribute)
RETURNS_NO_DEVICE(cuLaunchCooperativeKernel)
RETURNS_NO_DEVICE(cuLaunchKernel)
RETURNS_NO_DEVICE(cuLaunchKernelEx)
RETURNS_NO_DEVICE(cuLibraryGetKernel)
RETURNS_NO_DEVICE(cuLibraryLoadData)
RETURNS_NO_DEVICE(cuLibraryLoadFromFile)
RETURNS_NO_DEVICE(cuLibraryUnload)
RETURNS_NO_DEVICE(cuLinkAddData)
RETURNS_NO_DEVICE(cuLinkComplete)
RETURNS_NO_DEVICE(cuLinkCreate)
RETURNS_NO_DEVICE(cuLinkDestroy)
RETURNS_NO_DEVICE(cuOccupancyMaxPotentialClusterSize)
RETURNS_NO_DEVICE(cuStreamGetCtx)
