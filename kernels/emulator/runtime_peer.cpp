// Emulated CUDA runtime: access to the memory of other devices.
#include "kernels/emulator/state.h"

namespace skein::cuda::emulator {

bool may_access(int device, const void* p, std::string& why) {
  const int owner = state().memory.device_of(p);
  if (owner < 0 || owner == device || state().enabled.contains({device, owner})) return true;
  why = fmt::format(
      "memory of device {}, on a stream of device {}, which has no peer access to it (cudaDeviceEnablePeerAccess), nor "
      "is it a cudaMemcpyPeer",
      owner, device);
  return false;
}

}  // namespace skein::cuda::emulator

using namespace skein::cuda::emulator;

namespace {

cudaError_t check_peers(int device, int peer) {
  for (const int index : {device, peer})
    if (index < 0 || index >= state().devices)
      return refuse(cudaErrorInvalidDevice, "device {} of {}", index, state().devices);
  return cudaSuccess;
}

}  // namespace

cudaError_t cudaDeviceCanAccessPeer(int* can, int device, int peer) {
  return call("cudaDeviceCanAccessPeer", [&] {
    if (const cudaError_t error = check_peers(device, peer); error != cudaSuccess) return error;
    *can = state().peers && device != peer;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceEnablePeerAccess(int peer, unsigned flags) {
  return call("cudaDeviceEnablePeerAccess", [&] {
    const int device = current_device();
    if (const cudaError_t error = check_peers(device, peer); error != cudaSuccess) return error;
    if (flags != 0) return refuse(cudaErrorInvalidValue, "flags of cudaDeviceEnablePeerAccess");
    if (peer == device) return refuse(cudaErrorInvalidDevice, "device {} as a peer of itself", device);
    if (!state().peers)
      return refuse(cudaErrorPeerAccessUnsupported, "device {} cannot access the memory of device {}", device, peer);
    return state().enabled.insert({device, peer}).second ? cudaSuccess : cudaErrorPeerAccessAlreadyEnabled;
  });
}

cudaError_t cudaDeviceDisablePeerAccess(int peer) {
  return call("cudaDeviceDisablePeerAccess", [&] {
    return state().enabled.erase({current_device(), peer}) ? cudaSuccess : cudaErrorPeerAccessNotEnabled;
  });
}
