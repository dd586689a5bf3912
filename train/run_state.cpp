#include "train/run_state.h"

#include "base/formats/json.h"

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

std::map<std::string, std::string> model_metadata(const ModelInfo& info) {
  return {{"model", info.config.model},
          {"shortcut", to_string(info.config.shortcut)},
          {"classes", Json(info.classes).dump()},
          {"height", std::to_string(info.height)},
          {"width", std::to_string(info.width)},
          {"channels", std::to_string(info.channels)},
          {"mean", Json(info.mean).dump()},
          {"std", Json(info.std).dump()},
          {"preprocessing", to_string(info.preprocessing)}};
}

}  // namespace skein
