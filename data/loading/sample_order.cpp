#include "data/loading/sample_order.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "data/formats/encoded_images.h"

namespace skein {

namespace {

ShardLayout shard_layout_of(const Dataset& dataset) {
  return dataset.is_encoded() ? ShardLayout{.boundaries = dataset.encoded().shard_boundaries} : ShardLayout{};
}

}  // namespace

SampleOrder::SampleOrder(const Dataset& dataset, const LoaderOptions& options)
    : labels_(dataset.label(), size_t(dataset.size())),
      options_(options),
      layout_(shard_layout_of(dataset)),
      steps_(steps_per_epoch(dataset.size(), options.workers, options.batch)),
      epoch_size_(range_of_worker(dataset.size(), options.workers, 0).size()),
      scratch_(size_t(dataset.size())) {
  CHECK(options.training || options.workers == 1, "evaluation goes over the whole set on one worker");
  if (!options.samples.empty()) {
    epoch_size_ = int64_t(options.samples.size());
    steps_ = (epoch_size_ + options.batch - 1) / options.batch;
  }
  if (steps_ == 0)
    throw BadInput("dataset '{}': {} images are too few for {} workers. Use fewer workers or more images", dataset.name,
                   dataset.size(), options.workers);
  CHECK(options.epoch >= 0 && options.step >= 0 && options.step < steps_, "no step {} in epoch {}", options.step,
        options.epoch);
  batch_ = std::min(options.batch, epoch_size_);
}

std::span<const int32_t> SampleOrder::epoch(int64_t epoch) {
  if (!options_.samples.empty()) return options_.samples;
  if (options_.training && current_ != epoch) {
    samples_ = samples_of(options_.partition, options_.seed, epoch, labels_, options_.workers, options_.rank, scratch_,
                          layout_);
  } else if (current_ < 0) {
    std::iota(scratch_.begin(), scratch_.end(), 0);
    samples_ = scratch_;
  }
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
