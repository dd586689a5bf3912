// Time of work on a GPU by the GPU's own clock: events before and after it on the stream. Before the first event the
// stream reads four times the size of the L2 cache, several times if necessary. This evicts the work's operands from
// the cache, and it gives the host time to enqueue all of the work before the device reaches it, so no launch latency
// is measured. It reads and does not write: written lines would be flushed during the measured work.
#pragma once

#include <functional>

#include "kernels/device/runtime.h"

namespace skein::cuda {

class DeviceTimer {
 public:
  explicit DeviceTimer(Stream);  // of the current device
  ~DeviceTimer();
  DeviceTimer(const DeviceTimer&) = delete;

  // Seconds; waits until the work is done. The work must not synchronise with the device itself.
  double seconds(const std::function<void()>& work);
  // True if the host was ahead in every measurement. Otherwise the times include launch latencies.
  bool ahead() const { return ahead_; }

 private:
  Stream stream_;
  View images_, means_;  // operands of the reading kernel
  Event begin_ = nullptr, end_ = nullptr;
  int lead_ = 1;  // number of passes over the images
  bool ahead_ = true;
};

}  // namespace skein::cuda
