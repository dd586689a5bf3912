// The place where kernels run: a device and, on a GPU, the stream that orders them. Queue::run is the only place that
// chooses between the two back ends.
//
//   queue.run(kernel::axpy, 1.0f, x, y);
//
// With an observer, every call is reported to it, with its arguments and its cost, and the observer decides whether the
// kernel runs. Dry runs compute nothing (apps/plan/dry_step.h, cases/op_case.h, engine/onnx/recording.h); a profile
// takes the time around it (engine/kernel_spans.h).
#pragma once

#include <functional>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "base/check.h"
#include "kernels/kernel.h"

namespace skein {

// A kernel that is about to run.
struct KernelCall {
  const char* name;
  const char* label;  // Kernel::label
  Cost cost;
  std::vector<View> operands = {};                      // in order, absent ones left out
  const void* kernel = nullptr;                         // address of the Kernel object
  std::shared_ptr<const void> all_arguments = nullptr;  // of arguments()

  template <class F>
  bool is(const Kernel<F>& k) const {
    return kernel == &k;
  }
  // Every argument behind the stream, as in the kernel's contract: const auto& [a, x, y] =
  // call.arguments(kernel::axpy).
  template <class... P>
  const std::tuple<P...>& arguments(const Kernel<void(Stream, P...)>& k) const {
    CHECK(is(k), "{} is not a call of {}", name, k.name);
    return *static_cast<const std::tuple<P...>*>(all_arguments.get());
  }
};
// run() runs the kernel; an observer that does not call it replaces the work. Empty: kernels run unobserved.
using KernelObserver = std::function<void(const KernelCall&, const std::function<void()>& run)>;

struct Queue {
  Device device = Device::cpu;
  Stream stream = nullptr;
  const KernelObserver* observer = nullptr;

  // BadInput in a build without the device's back end.
  template <class... P, class... A>
  void run(const Kernel<void(Stream, P...)>& kernel, A&&... operands) const {
    if (observer && *observer) return report(kernel, std::forward<A>(operands)...);
    launch(kernel, std::forward<A>(operands)...);
  }

 private:
  template <class... P, class... A>
  void launch(const Kernel<void(Stream, P...)>& kernel, A&&... operands) const {
    const auto function = device == Device::cuda ? kernel.cuda : kernel.cpu;
    if (!function) throw BadInput("this skein was built without the CUDA back end; use --device cpu");
    function(stream, std::forward<A>(operands)...);
  }
  template <class... P>
  void report(const Kernel<void(Stream, P...)>& kernel, std::type_identity_t<P>... operands) const {
    KernelCall call{kernel.name, kernel.label, kernel.cost(operands...)};
    call.kernel = &kernel;
    call.all_arguments = std::make_shared<const std::tuple<P...>>(operands...);
    (note(call, operands), ...);
    const auto run = [&] { launch(kernel, operands...); };
    (*observer)(call, std::ref(run));
  }
  template <class Operand>
  static void note(KernelCall& call, const Operand& operand) {
    if constexpr (std::is_same_v<Operand, View>) {
      if (operand) call.operands.push_back(operand);
    }
  }
};

}  // namespace skein
