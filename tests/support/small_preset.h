// A preset of skein reproduce that tests read, plan and run: three settings, one with a grid of rates, of 4 epochs.
#pragma once

#include "apps/reproduce/preset.h"

namespace skein::testing {

inline const std::string kPresetHead = R"(about = "a test"
data = "synthetic"
images = 76
test-images = 30
classes = 10
epochs = 4
grid-epochs = 2
seeds = 2
target = 0.9
train = "--model resnet8 --batch 8 --lr 0.05 --conv onednn --synthetic-train 76 --synthetic-test 30 --synthetic-size 8"
)";
inline const std::string kSmallPreset = kPresetHead + R"(
[[setting]]
name = "post-local"
flags = "--workers 2 --sync post-local:H=2,from={0.5}"

[[setting]]
name = "tuned"
flags = "--workers 2 --sync minibatch"
lr = [0.02, 0.05]

[[setting]]
name = "minibatch"
flags = "--workers 2 --sync minibatch"

[[claim]]
text = "better"
better = "post-local"
than = "minibatch"
measures = ["accuracy", "bytes"]

[[claim]]
text = "the same"
better = "post-local"
than = "minibatch"
measures = ["same-accuracy"]

[[claim]]
text = "flat"
needs = "an instrument"
)";

inline Preset small_preset() { return parse_preset(kSmallPreset, "small.toml", "small"); }

}  // namespace skein::testing
