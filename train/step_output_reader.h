// What came out of the passes of a worker's steps, on its way to the host. On a GPU nobody waits for it: the loss is
// copied behind the work that computes it, into pinned memory that is read when collect() has waited for all of it
// once; how long a part took is between two events of the stream. On the CPU all of it is there at once.
#pragma once

#include <chrono>
#include <vector>

#include "engine/ops.h"
#include "kernels/timing.h"

namespace skein {

// Of one step.
struct StepOutput {
  double loss = 0;  // summed over the images
  double seconds = 0;
  int64_t correct = 0;
};

class StepOutputReader {
 public:
  // most: parts that are noted between two collect().
  StepOutputReader(Queue queue, int64_t most);
  ~StepOutputReader();
  StepOutputReader(const StepOutputReader&) = delete;

  void begin_step() { ++steps_; }
  // A part of the step lies between the two: its time counts, and its loss where it has one.
  void begin();
  void end() { note(nullptr, 0); }
  void end(const Loss& loss, int64_t images) { note(&loss, images); }

  // The steps since it was last called. Waits for them.
  std::vector<StepOutput> collect();

 private:
  struct Numbers {  // as the device writes them
    float mean;
    int32_t correct[2];
  };
  struct Part {
    int64_t step = 0, images = 0;
    double seconds = 0;  // CPU
    cuda::Event begin = nullptr, end = nullptr;
  };
  void note(const Loss*, int64_t images);

  const Queue queue_;
  std::vector<Part> parts_;
  Numbers* numbers_;  // of each part
  size_t noted_ = 0;
  int64_t steps_ = 0;
  std::chrono::steady_clock::time_point begun_;
};

}  // namespace skein
