// Time of work on a GPU by the GPU's own clock: events before and behind it on the stream. Ahead of the first event the
// stream reads four times the L2 cache, again and again if need be. So nothing of the work's operands is in the cache,
// and the host has put all of the work on the stream before the device gets there: no launch is waited for inside. It
// reads, because lines that it had written would go back to memory at the cost of the work.
#pragma once

#include <functional>

#include "kernels/runtime.h"

namespace skein::cuda {

class DeviceTimer {
 public:
  explicit DeviceTimer(Stream);  // of the current device
  ~DeviceTimer();
  DeviceTimer(const DeviceTimer&) = delete;

  // Waits for it. The work must not wait for the device itself.
  double seconds(const std::function<void()>& work);
  // Was the host ahead in every measurement? Else launches were waited for, and times are too long.
  bool ahead() const { return ahead_; }

 private:
  Stream stream_;
  View images_, means_;  // what is read, and the little that comes of it
  Event begin_ = nullptr, end_ = nullptr;
  int lead_ = 1;  // times that the images are read
  bool ahead_ = true;
};

}  // namespace skein::cuda
