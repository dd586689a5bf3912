#include "train/run_state.h"

namespace skein {

ModelInfo make_model_info(const TrainConfig& config, const Dataset& d) {
  return {config,
          d.classes,
          d.height(),
          d.width(),
          d.channels(),
          {d.mean, d.mean + d.channels()},
          {d.std, d.std + d.channels()},
          d.is_encoded() ? Preprocessing::centre_crop : Preprocessing::centre_square};
}

}  // namespace skein
