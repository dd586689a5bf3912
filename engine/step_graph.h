// Runs the same device work many times. On the CPU a run is simply the body. On a GPU the third run with one key is
// captured and later ones replay it, so a whole step costs one launch. The body must then do the same work on the same
// addresses whenever it is given that key (see Arena), and anything that a schedule changes must lie in device memory.
#pragma once

#include <functional>
#include <map>
#include <tuple>

#include "engine/ops.h"
#include "kernels/runtime.h"

namespace skein {

class StepGraph {
 public:
  explicit StepGraph(Queue queue) : queue_(queue) {}
  ~StepGraph();
  StepGraph(const StepGraph&) = delete;
  StepGraph& operator=(const StepGraph&) = delete;

  // `key` tells apart what differs between steps: the memory of the batch and of the lane, and the batch size.
  // Returns what the body returned when it last ran; a replayed step leaves its loss at the same address.
  using Key = std::tuple<const void*, const void*, int64_t>;  // batch memory, lane, images
  Loss run(const Key& key, const std::function<Loss()>& body);

 private:
  struct Captured {
    int runs = 0;
    cuda::Graph graph = nullptr;
    Loss loss;
  };
  void capture(Captured& c, const std::function<Loss()>& body);

  Queue queue_;
  std::map<Key, Captured> captured_;
};

}  // namespace skein
