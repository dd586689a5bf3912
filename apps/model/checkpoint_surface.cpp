#include "apps/model/checkpoint_surface.h"

#include "apps/model/inference.h"
#include "base/check.h"

namespace skein {
namespace {

void check_size(const ModelInfo& info, const Dataset& train) {
  if (train.height() != info.height || train.width() != info.width)
    throw BadInput("dataset '{}': images of {} x {}; the checkpoint was trained on {} x {}. Give its own with --data",
                   train.name, train.height(), train.width(), info.height, info.width);
}

}  // namespace

CheckpointSurface::CheckpointSurface(const std::string& run_or_checkpoint, const TrainConfig& of_data,
                                     const LossSample& sample, StepContext& context,
                                     std::function<void(int64_t)> progress)
    : checkpoint_(open_checkpoint(find_checkpoint(run_or_checkpoint))), data_(open_data(of_data, checkpoint_.info)) {
  check_size(info(), data_.train);
  if (context.queue.device == Device::cuda) {
    make_resident(data_.train);
    make_resident(data_.test);
  }
  surface_ = std::make_unique<LossSurface>(without_dropout(info()), sample_batches(data_.train, sample, context.queue),
                                           context, std::move(progress));
  load_model(checkpoint_, surface_->store());
}

}  // namespace skein
