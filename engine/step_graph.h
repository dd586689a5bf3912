// Runs the same device work many times. On the CPU a run is simply the body; on a GPU the third run is captured and
// later ones replay it, so the body must touch the same addresses each time (see Arena).
#pragma once

#include <functional>

#include "kernels/view.h"

namespace skein {

class StepGraph {
 public:
  explicit StepGraph(Queue queue) : queue_(queue) {}
  void run(const std::function<void()>& body);

 private:
  Queue queue_;
};

}  // namespace skein
