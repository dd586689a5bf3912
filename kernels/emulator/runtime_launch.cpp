// Emulated CUDA runtime: launches of kernels and host functions on streams.
#include <cstring>

#include "kernels/emulator/device.h"
#include "kernels/emulator/sanitizer.h"
#include "kernels/emulator/scheduler.h"
#include "kernels/emulator/state.h"

namespace skein::cuda::emulator {
namespace {

constexpr int kMaxThreads = 1024;

std::string name_of(const void* kernel) {
#if defined(SKEIN_ASAN) || defined(SKEIN_MSAN)
  char text[400] = "";
  // Takes the address for that behind a call, and looks before it.
  const auto inside = reinterpret_cast<uintptr_t>(kernel) + 1;
  __sanitizer_symbolize_pc(reinterpret_cast<void*>(inside), "%f (%s:%l)", text, sizeof(text));
  if (std::strncmp(text, "<null>", 6) != 0) return text;  // else there is no llvm-symbolizer
#endif
  return fmt::format("the kernel at {}", kernel);
}

struct Launch {
  std::function<void()> body;
  const void* kernel;
  Pointers pointers;
  unsigned grid;
  int block;
  int device;  // of the stream

  void run() const {
    State& s = state();
    for (size_t i = 0; i < pointers.all.size(); ++i)
      if (!s.memory.may_point_at(pointers.all[i]))
        return set_fault(cudaErrorIllegalAddress,
                         fmt::format("pointer {} of {} is given to {}: it is no device memory, or was freed before the "
                                     "stream got there",
                                     i + 1, pointers.all.size(), name_of(kernel)));
    for (const void* p : pointers.all)
      if (std::string why; !may_access(device, p, why))
        return set_fault(cudaErrorIllegalAddress, fmt::format("{} is given {}", name_of(kernel), why));
    ++s.counts.kernels;
    const std::string fault = run_grid(body, grid, unsigned(block), s.seed);
    if (!fault.empty()) set_fault(cudaErrorLaunchFailure, fault);
  }
};

}  // namespace

cudaError_t launch_body(std::function<void()> body, const void* kernel, const Pointers& pointers, unsigned grid,
                        int block, cudaStream_t stream) {
  return call("cudaLaunchKernelExC", [&] {
    if (grid == 0 || grid > 2147483647u || block < 1 || block > kMaxThreads)
      return refuse(cudaErrorInvalidConfiguration, "{} blocks of {} threads for {}; a block has 1 to {} threads", grid,
                    block, name_of(kernel), kMaxThreads);
    CUstream_st* const s = find_stream(stream);
    if (!s) return cudaErrorInvalidResourceHandle;
    if (s->device != current_device())
      return refuse(cudaErrorInvalidResourceHandle,
                    "{} is launched on a stream of device {} by a thread whose device is {}", name_of(kernel),
                    s->device, current_device());
    ++state().counts.launches;
    const Launch launch{std::move(body), kernel, pointers, grid, block, s->device};
    return enqueue(*s, "a launch", {.run = [launch] { launch.run(); }});
  });
}

}  // namespace skein::cuda::emulator

using namespace skein::cuda::emulator;

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  return call("cudaLaunchHostFunc", [&] {
    CUstream_st* const s = find_stream(stream);
    if (!s) return cudaErrorInvalidResourceHandle;
    return enqueue(*s, "cudaLaunchHostFunc", {.run = [=] { run_host_function(function, data); }});
  });
}
