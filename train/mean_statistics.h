// Running statistics of batch norms that are computed anew for the weights at hand: the mean of the statistics of some
// batches. If the running statistics start at zero, one training pass leaves momentum times the batch's statistics;
// dividing by the momentum recovers them.
#pragma once

#include <vector>

#include "engine/parameters.h"

namespace skein {

class MeanStatistics {
 public:
  MeanStatistics(ParameterStore& parameters, Queue queue);
  void begin_batch();                 // before a training pass
  void end_batch(double weight = 1);  // after it; waits for it
  void finish();                      // writes the mean to parameters.running_statistics

 private:
  ParameterStore& parameters_;
  Queue queue_;
  std::vector<double> sum_;
  double weight_ = 0;
};

}  // namespace skein
