// What a training run says at its start and at its end. The lines of epochs are train/progress.h's.
#pragma once

#include <string>

#include "train/trainer.h"

namespace skein {

void print_header(const ModelInfo& info, const Splits& data, Trainer& trainer, int64_t processes,
                  const std::string& run);
void print_resume(const Trainer& trainer, const Checkpoint& checkpoint, bool from_consensus);
void print_end(const Trainer& trainer, const std::string& run, bool done);

}  // namespace skein
