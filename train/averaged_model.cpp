#include "train/averaged_model.h"

#include <charconv>

#include "base/check.h"
#include "data/loading/loader.h"
#include "local_sgd/worker_mean.h"
#include "train/mean_statistics.h"
#include "train/weights/freeze.h"

namespace skein {
namespace {

constexpr int64_t kMostBatches = 1'000'000;

}  // namespace

BnStatistics parse_bn_statistics(const std::string& text) {
  for (const auto& [name, form] : {std::pair{"local", BnStatistics::local},
                                   {"average", BnStatistics::average},
                                   {"moments", BnStatistics::moments}})
    if (text == name) return {form};
  const std::string prefix = "recompute:";
  if (text.starts_with(prefix)) {
    BnStatistics s{BnStatistics::recompute};
    const char* end = text.data() + text.size();
    const auto [read, error] = std::from_chars(text.data() + prefix.size(), end, s.batches);
    if (error == std::errc() && read == end && s.batches >= 1 && s.batches <= kMostBatches) return s;
  }
  throw BadInput("--bn-stats '{}': is not known; give local, average, moments or recompute:N with N from 1 to {}", text,
                 kMostBatches);
}

AveragedModel::AveragedModel(const ModelInfo& info, const Dataset& train, Queue queue)
    : model(make_model(info.config.model, info.model_options(), parameters)),
      statistics_(info.config.workers > 1 ? parse_bn_statistics(info.config.bn_stats) : BnStatistics{}),
      train_(train),
      batch_(info.config.batch),
      seed_(uint64_t(info.config.seed)),
      queue_(queue) {
  freeze(info.config.freeze, parameters);
  parameters.build(queue.device, seed_, activations(info.config));
}

void AveragedModel::update(ProcessGroup& group, const std::vector<ParameterStore*>& own, StepContext& context) {
  std::vector<FlatModel> models;
  for (const ParameterStore* w : own) models.push_back({w->value, w->running_statistics, w->frozen});
  average(group, models, context);
}

void AveragedModel::average(ProcessGroup& group, const std::vector<FlatModel>& own, StepContext& context) {
  const auto mean = [&](Tensor FlatModel::*part, const Tensor& to) {
    std::vector<View> workers;
    for (const FlatModel& w : own) workers.push_back(w.*part);
    mean_over_workers(workers, to, group.communicator(), queue_);
  };
  mean(&FlatModel::value, parameters.value);
  mean(&FlatModel::running_statistics, parameters.running_statistics);
  if (parameters.frozen.defined()) queue_.run(kernel::copy, own[0].frozen, parameters.frozen);
  if (statistics_.form == BnStatistics::local)
    queue_.run(kernel::copy, own[0].running_statistics, parameters.running_statistics);
  if (statistics_.form == BnStatistics::moments) add_variance_between(group, own);
  parameters.refresh_shadow(queue_.stream);
  if (statistics_.form == BnStatistics::recompute && group.is_root()) recompute(context);
  if (statistics_.form == BnStatistics::local || statistics_.form == BnStatistics::recompute)
    take_statistics_of_root(group);
}

// Through the host: a few thousand numbers, once per evaluation.
void AveragedModel::take_statistics_of_root(ProcessGroup& group) {
  if (group.size() == 1) return;
  const std::vector<float> mine = parameters.running_statistics.to_vector(), all = group.all_gather<float>(mine);
  queue_.run(kernel::copy_from_host, all.data(), parameters.running_statistics);
}

// Computed on the host: a few thousand numbers, once per evaluation.
void AveragedModel::add_variance_between(ProcessGroup& group, const std::vector<FlatModel>& own) {
  std::vector<float> average = parameters.running_statistics.to_vector(), mine;
  for (const FlatModel& w : own) {
    const std::vector<float> state = w.running_statistics.to_vector();
    mine.insert(mine.end(), state.begin(), state.end());
  }
  const std::vector<float> all = group.all_gather<float>(mine);
  const double workers = double(all.size() / average.size());
  std::vector<double> between(average.size(), 0.0);  // at the index of each mean: the variance of the workers' means
  for (size_t i = 0; i < all.size(); ++i) {
    const size_t at = i % average.size();
    between[at] += (double(all[i]) - average[at]) * (double(all[i]) - average[at]) / workers;
  }
  for (const auto& [mean, var] : parameters.running_pairs())
    for (int64_t c = 0; c < mean.count; ++c) average[size_t(var.begin + c)] += float(between[size_t(mean.begin + c)]);
  queue_.run(kernel::copy_from_host, average.data(), parameters.running_statistics);
}

void AveragedModel::recompute(StepContext& context) {
  LoaderOptions options;
  options.batch = batch_;
  options.seed = seed_;
  options.augment = false;
  const auto batches = make_loader(train_, options, queue_, parameters.shadow.defined() ? DType::bf16 : DType::f32);
  MeanStatistics statistics(parameters, queue_);
  for (int64_t i = 0; i < statistics_.batches; ++i) {
    statistics.begin_batch();
    context.tape.reset();
    model->forward(context.tape.input(batches->next().images));
    statistics.end_batch();
  }
  context.tape.reset();
  statistics.finish();
}

}  // namespace skein
