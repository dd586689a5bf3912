#include "engine/step_graph.h"

#include "base/trace.h"

namespace skein {
namespace {
// Runs before the capture. Libraries choose plans and scratch memory grows in these; neither is possible in a capture.
constexpr int kWarmUps = 2;
}  // namespace

StepGraph::~StepGraph() {
  for (auto& [key, c] : captured_) cuda::destroy_graph(c.graph);
}

Loss StepGraph::run(const Key& key, const std::function<Loss()>& body) {
  if (queue_.device == Device::cpu || trace::has(trace::kRecording)) return body();
  Captured& c = captured_[key];
  if (c.runs++ < kWarmUps) return body();
  if (!c.graph) capture(c, body);
  cuda::launch_graph(c.graph, queue_.stream);
  return c.loss;
}

void StepGraph::capture(Captured& c, const std::function<Loss()>& body) {
  cuda::begin_capture(queue_.stream);
  try {
    c.loss = body();
  } catch (...) {
    cuda::cancel_capture(queue_.stream);
    throw;
  }
  c.graph = cuda::end_capture(queue_.stream);
}

}  // namespace skein
