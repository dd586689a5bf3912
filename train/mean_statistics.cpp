#include "train/mean_statistics.h"

#include "kernels/device/runtime.h"
#include "kernels/vector.h"

namespace skein {
namespace {

constexpr double kMomentum = 0.1f;  // of the running statistics of every batch norm

}  // namespace

MeanStatistics::MeanStatistics(ParameterStore& parameters, Queue queue)
    : parameters_(parameters), queue_(queue), sum_(size_t(parameters.running_statistics.numel()), 0.0) {}

void MeanStatistics::begin_batch() { queue_.run(kernel::fill, 0.0f, parameters_.running_statistics); }

void MeanStatistics::end_batch(double weight) {
  const std::vector<float> state = parameters_.running_statistics.to_vector();
  for (size_t i = 0; i < sum_.size(); ++i) sum_[i] += weight * double(state[i]);
  weight_ += weight;
}

void MeanStatistics::finish() {
  std::vector<float> mean(sum_.size());
  for (size_t i = 0; i < sum_.size(); ++i) mean[i] = float(sum_[i] / (kMomentum * weight_));
  queue_.run(kernel::copy_from_host, mean.data(), parameters_.running_statistics);
}

}  // namespace skein
