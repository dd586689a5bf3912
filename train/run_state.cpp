#include "train/run_state.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/formats/json.h"
#include "data/formats/shards.h"
#include "engine/safetensors.h"

namespace skein {
namespace {

// Preprocessing of a checkpoint. Older versions of the format do not say it: of the data that stays encoded, images of
// ImageNet and folders of shards, every image is a square of --crop.
Preprocessing preprocessing_of(const SafetensorsFile& file, const ModelInfo& info) {
  const auto& metadata = file.metadata();
  const auto known = metadata.find("preprocessing");
  if (known == metadata.end()) {
    const std::string& data = info.config.data;
    return data == "imagenet" || is_shard_folder(data) ? Preprocessing::centre_crop : Preprocessing::centre_square;
  }
  if (const auto value = value_named<Preprocessing>(known->second)) return *value;
  throw BadInput("{}: preprocessing '{}' is not known. Use a version of skein that is not older than {}", file.path(),
                 known->second, file.meta("version"));
}

}  // namespace

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

ModelInfo read_model_info(const SafetensorsFile& file) {
  ModelInfo info;
  parse_config(file.meta("config"), file.path() + " (config)", info.config);
  try {
    info.classes = Json::parse(file.meta("classes")).get<std::vector<std::string>>();
    info.mean = Json::parse(file.meta("mean")).get<std::vector<float>>();
    info.std = Json::parse(file.meta("std")).get<std::vector<float>>();
    for (const auto& [key, to] :
         {std::pair{"height", &info.height}, {"width", &info.width}, {"channels", &info.channels}})
      *to = Json::parse(file.meta(key)).get<int64_t>();
  } catch (const JsonError& e) {
    throw BadInput("{}: the metadata is damaged: {}. Take another checkpoint", file.path(), e.what());
  }
  if (info.classes.empty() || info.channels < 1 || info.channels > 4 || int64_t(info.mean.size()) != info.channels ||
      int64_t(info.std.size()) != info.channels)
    throw BadInput("{}: the metadata is damaged: {} classes, {} channels, {} means. Take another checkpoint",
                   file.path(), info.classes.size(), info.channels, info.mean.size());
  info.preprocessing = preprocessing_of(file, info);
  return info;
}

}  // namespace skein
