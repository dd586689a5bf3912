#include "train/training_data.h"

#include "base/check.h"
#include "data/loading/partition.h"

namespace skein {

int64_t steps_per_epoch(const TrainConfig& c, int64_t images) {
  return (steps_per_epoch(images, c.workers, c.batch) + c.accumulate - 1) / c.accumulate;
}

// The loader starts with the batch after the last one that was trained on. If the epoch only lacks its evaluation, this
// is the first batch of the next epoch.
LoaderOptions training_options(const TrainConfig& config, const Dataset& train, const TrainState& start, int64_t rank) {
  const int64_t steps = steps_per_epoch(config, train.size());
  const int64_t done = start.epoch * steps + start.step_in_epoch;
  if (done != start.step || start.step_in_epoch < 0 || start.step_in_epoch > steps)
    throw BadInput(
        "dataset '{}': {} steps per epoch do not fit the checkpoint (step {} = step {} of epoch {}). Resume with the "
        "data that the run began with",
        train.name, steps, start.step, start.step_in_epoch, start.epoch + 1);
  LoaderOptions options = augmentation_options(config);
  options.batch = config.batch;
  options.workers = config.workers;
  options.rank = rank;
  options.seed = uint64_t(config.seed);
  options.decode_threads = config.decode_threads;
  options.partition = parse_partition(config.partition);
  options.epoch = steps > 0 ? done / steps : 0;
  options.step = steps > 0 ? done % steps * config.accumulate : 0;
  return options;
}

}  // namespace skein
