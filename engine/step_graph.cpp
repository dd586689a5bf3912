#include "engine/step_graph.h"

#include "kernels/check.h"

namespace skein {

void StepGraph::run(const std::function<void()>& body) {
  CHECK(queue_.device == Device::cpu, "capture comes with the CUDA back end");
  body();
}

}  // namespace skein
