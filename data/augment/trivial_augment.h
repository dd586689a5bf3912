// TrivialAugment Wide (Mueller and Hutter 2021, "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation",
// arXiv 2103.10158, algorithm 1 with the wide space of table 1): one operation per image, drawn uniformly, with a
// strength that is drawn uniformly from 31. Operations, strengths and pixels are those of
// torchvision.transforms.TrivialAugmentWide on PIL images, without interpolation and with black fill:
//
//   k = 0 .. 30                          strength                             sign
//   identity, autocontrast, equalize     none
//   shear_x, shear_y                     0.99 k / 30                          +-
//   translate_x, translate_y             the whole part of 32 k / 30, pixels  +-
//   rotate                               135 k / 30 degrees                   +-
//   brightness, colour, contrast,
//   sharpness                            1 +- 0.99 k / 30, a blend            +-
//   posterize                            keeps 8 - round(k / 5) bits
//   solarize                             255 - 255 k / 30, a threshold
//
// Random words: random_words(seed, Purpose::trivial_augment, epoch, sample, 0): operation, k, and the top bit of word 2
// is a negative sign. They depend on the sample, not on worker or thread.
#pragma once

#include "base/enum_names.h"
#include "data/augment/image_ops.h"

namespace skein {

// In the order of torchvision's table.
enum class TrivialOp : uint8_t {
  identity,
  shear_x,
  shear_y,
  translate_x,
  translate_y,
  rotate,
  brightness,
  colour,
  contrast,
  sharpness,
  posterize,
  solarize,
  autocontrast,
  equalize
};
constexpr uint32_t kTrivialOps = 14, kTrivialStrengths = 31;

struct TrivialDraw {
  TrivialOp op = TrivialOp::identity;
  int strength = 0;  // k
  bool negative = false;
  bool operator==(const TrivialDraw&) const = default;
};

TrivialDraw draw_trivial(uint64_t seed, int64_t epoch, int64_t sample);

// Changes an image u8 (1,H,W,C), C = 1 or 3.
void trivial_augment(View image, const TrivialDraw& draw, Bytes& scratch);

}  // namespace skein
