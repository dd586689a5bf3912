// Reads loss, number of correct images and time of a worker's passes back to the host, and time and norms of its
// averagings. On a GPU nothing waits for this: numbers are copied in stream order into pinned memory, and times are
// between two events of the stream. Only collect() waits. On the CPU the numbers are there at once.
#pragma once

#include <chrono>
#include <vector>

#include "engine/ops.h"
#include "kernels/device/timing.h"
#include "local_sgd/model_averager.h"

namespace skein {

// The output of one step, over the step's images, and of the averaging after it.
struct StepOutput {
  double loss = 0;     // sum of the images' losses
  double seconds = 0;  // of computing, without averaging and waiting for data
  int64_t correct = 0;
  double averaging = 0;  // seconds; with processes, waiting for the other ranks included
  AveragingNorms norms;
};

class StepOutputReader {
 public:
  // most: the number of parts between two calls of collect(). More are an error of the program.
  StepOutputReader(Queue queue, int64_t most);
  ~StepOutputReader();
  StepOutputReader(const StepOutputReader&) = delete;

  void begin_step() { ++steps_; }
  // A part of the step is enqueued between begin() and end(). Its time counts, and its loss if it has one.
  void begin();
  void end() { note(); }
  void end(const Loss& loss, int64_t images);
  // The part is an averaging. norms: f32 (4), or absent.
  void end_averaging(View norms);

  // The outputs of the steps since the last call. Waits for them.
  std::vector<StepOutput> collect();

 private:
  struct DeviceLoss {  // as the loss kernel writes it
    float mean;
    int32_t correct[2];  // top 1, top 5
  };
  struct TimedPart {
    int64_t step = 0, images = 0;
    bool averaging = false;
    double seconds = 0;                          // on the CPU
    cuda::Event begin = nullptr, end = nullptr;  // on a GPU
  };
  TimedPart& note();

  const Queue queue_;
  std::vector<TimedPart> parts_;
  struct Numbers {
    DeviceLoss loss;
    AveragingNorms norms;
  };
  Numbers* numbers_;   // [part], pinned on a GPU
  size_t noted_ = 0;   // parts since collect()
  int64_t steps_ = 0;  // since collect()
  std::chrono::steady_clock::time_point begun_;
};

}  // namespace skein
