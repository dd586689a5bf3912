// The names in a checkpoint's folder (train/run/checkpoint.h), for those who write and who read one.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "engine/parameters.h"

namespace skein {

inline constexpr char kModelFile[] = "/model.safetensors", kOptimizerFile[] = "/optimizer.safetensors",
                      kProgressFile[] = "/progress.json", kUpdates[] = "updates", kUnfinished[] = ".new";

inline std::string worker_file(int64_t rank) { return fmt::format("/worker-{}.safetensors", rank); }

// The names of AdamW's second moments.
inline std::vector<ParameterSpec> second_moments(const ParameterStore& p) {
  std::vector<ParameterSpec> specs = p.specs();
  for (ParameterSpec& spec : specs) spec.name += ".second_moment";
  return specs;
}

}  // namespace skein
