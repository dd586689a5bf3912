// CUDA graph of a training step. On the CPU run() simply calls the body. On a GPU the third run with the same key is
// captured, and later runs replay it, so a whole step costs one launch. While a timeline is recorded, kernels run one
// by one, so that each can be timed. For one key, the body must do the same work on the same addresses every time
// (engine/arena.h), and everything that a schedule changes must lie in device memory.
#pragma once

#include <functional>
#include <map>
#include <tuple>

#include "engine/ops.h"
#include "kernels/device/runtime.h"

namespace skein {

class StepGraph {
 public:
  explicit StepGraph(Queue queue) : queue_(queue) {}
  ~StepGraph();
  StepGraph(const StepGraph&) = delete;
  StepGraph& operator=(const StepGraph&) = delete;

  // Everything that differs between steps: address of the batch, address of the step context, images of the batch.
  using Key = std::tuple<const void*, const void*, int64_t>;
  // Returns the result of the body's last call. A replayed step writes its loss to the same address.
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
