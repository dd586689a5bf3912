#include "apps/averaged_model.h"

#include "kernels/vector.h"

namespace skein {

AveragedModel::AveragedModel(const ModelCard& card, Queue queue)
    : model(make_model(card.config.model, card.model_options(), parameters)),
      statistics_(card.config.bn_stats),
      queue_(queue) {
  parameters.build(queue.device, uint64_t(card.config.seed));
}

void AveragedModel::update(const std::vector<ParameterStore*>& workers) {
  const auto mean = [&](Tensor ParameterStore::*part) {
    const Tensor& to = parameters.*part;
    queue_.run(cpu::copy, cuda::copy, workers[0]->*part, to);
    for (size_t k = 1; k < workers.size(); ++k) queue_.run(cpu::axpy, cuda::axpy, 1.0f, workers[k]->*part, to);
    queue_.run(cpu::scale, cuda::scale, 1.0f / float(workers.size()), to);
  };
  mean(&ParameterStore::value);
  mean(&ParameterStore::state);
  if (statistics_ == "local") queue_.run(cpu::copy, cuda::copy, workers[0]->state, parameters.state);
  if (statistics_ == "moments") update_statistics(workers);
}

// Host arithmetic: a few thousand numbers, once per evaluation.
void AveragedModel::update_statistics(const std::vector<ParameterStore*>& workers) {
  std::vector<float> average = parameters.state.to_vector();
  std::vector<double> between(average.size(), 0.0);  // at the place of each mean, the variance of the workers' means
  for (const ParameterStore* w : workers) {
    const std::vector<float> own = w->state.to_vector();
    for (size_t i = 0; i < own.size(); ++i)
      between[i] += (double(own[i]) - average[i]) * (double(own[i]) - average[i]) / double(workers.size());
  }
  for (const auto& [mean, var] : parameters.statistics())
    for (int64_t c = 0; c < mean.count; ++c) average[size_t(var.begin + c)] += float(between[size_t(mean.begin + c)]);
  queue_.run(cpu::copy_from_host, cuda::copy_from_host, average.data(), parameters.state);
}

}  // namespace skein
