#include "data/loading/sample_order.h"

#include <algorithm>

#include "base/check.h"
#include "data/formats/encoded_images.h"

namespace skein {

namespace {

ShardLayout shard_layout_of(const Dataset& dataset) {
  return dataset.is_encoded() ? ShardLayout{.boundaries = dataset.encoded().shard_boundaries} : ShardLayout{};
}

}  // namespace

std::vector<int32_t> evaluation_part(int64_t samples, int64_t batch, int64_t workers, int64_t rank) {
  std::vector<int32_t> part;
  for (int64_t begin = rank * batch; begin < samples; begin += workers * batch)
    for (int64_t i = begin; i < std::min(begin + batch, samples); ++i) part.push_back(int32_t(i));
  return part;
}

SampleOrder::SampleOrder(const Dataset& dataset, const LoaderOptions& options)
    : labels_(dataset.label(), size_t(dataset.size())),
      options_(options),
      layout_(shard_layout_of(dataset)),
      epoch_size_(range_of_worker(dataset.size(), options.workers, 0).size()),
      scratch_(size_t(dataset.size())) {
  if (!options.samples.empty()) {
    epoch_size_ = int64_t(options.samples.size());
  } else if (!options.training) {
    scratch_ = evaluation_part(dataset.size(), options.batch, options.workers, options.rank);
    epoch_size_ = int64_t(scratch_.size());
    samples_ = scratch_;
  }
  steps_ = (epoch_size_ + options.batch - 1) / options.batch;
  if (steps_ == 0)
    throw BadInput("dataset '{}': {} images are too few for {} workers. Use fewer workers or more images", dataset.name,
                   dataset.size(), options.workers);
  CHECK(options.epoch >= 0 && options.step >= 0 && options.step < steps_, "no step {} in epoch {}", options.step,
        options.epoch);
  batch_ = options.samples.empty() ? std::min(options.batch, epoch_size_) : options.batch;
}

void SampleOrder::restart(std::vector<int32_t> samples) {
  CHECK(!options_.samples.empty() && !samples.empty(), "an order of {} samples", samples.size());
  options_.samples = std::move(samples);
  epoch_size_ = int64_t(options_.samples.size());
  steps_ = (epoch_size_ + batch_ - 1) / batch_;
}

std::span<const int32_t> SampleOrder::epoch(int64_t epoch) {
  if (!options_.samples.empty()) return options_.samples;
  if (options_.training && current_ != epoch)
    samples_ = samples_of(options_.partition, options_.seed, epoch, labels_, options_.workers, options_.rank, scratch_,
                          layout_);
  current_ = epoch;
  return samples_;
}

Augmentation augmentation_of(const Dataset& dataset, const LoaderOptions& options) {
  Augmentation a{options.training && options.augment, options.flip, options.padding, {}, {}};
  std::copy(dataset.mean, dataset.mean + 4, a.mean);
  std::copy(dataset.std, dataset.std + 4, a.std);
  return a;
}

}  // namespace skein
