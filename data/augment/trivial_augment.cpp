#include "data/augment/trivial_augment.h"

#include <cmath>

#include "base/random.h"

namespace skein {
namespace {

// Element k of torch.linspace(from, to, 31) in f32: the second half is counted from the end, and a product and a sum
// are rounded once. So the strength 15 of a translation is just below 16 pixels.
float linspace(float from, float to, int k) {
  const int last = int(kTrivialStrengths) - 1;
  const float step = (to - from) / float(last);
  return k < int(kTrivialStrengths) / 2 ? std::fma(step, float(k), from) : std::fma(-step, float(last - k), to);
}

}  // namespace

TrivialDraw draw_trivial(uint64_t seed, int64_t epoch, int64_t sample) {
  const RandomWords w = random_words(seed, Purpose::trivial_augment, uint32_t(epoch), uint32_t(sample), 0);
  return {TrivialOp(bounded(w[0], kTrivialOps)), int(bounded(w[1], kTrivialStrengths)), (w[2] >> 31) != 0};
}

void trivial_augment(View image, const TrivialDraw& draw, Bytes& scratch) {
  const int k = draw.strength;
  const double sign = draw.negative ? -1.0 : 1.0;
  const double slope = sign * double(linspace(0, 0.99f, k));  // of a shear
  const double pixels = sign * std::floor(double(linspace(0, 32, k)));
  const auto factor = float(1.0 + slope);
  switch (draw.op) {
    case TrivialOp::identity:
      return;
    case TrivialOp::shear_x:
      return affine(image, {1, std::tan(std::atan(slope)), 0, 0, 1, 0}, scratch);
    case TrivialOp::shear_y:
      return affine(image, {1, 0, 0, std::tan(std::atan(slope)), 1, 0}, scratch);
    case TrivialOp::translate_x:
      return affine(image, {1, 0, -pixels, 0, 1, 0}, scratch);
    case TrivialOp::translate_y:
      return affine(image, {1, 0, 0, 0, 1, -pixels}, scratch);
    case TrivialOp::rotate:
      return rotate(image, sign * double(linspace(0, 135, k)), scratch);
    case TrivialOp::brightness:
      return brightness(image, factor);
    case TrivialOp::colour:
      return colour(image, factor);
    case TrivialOp::contrast:
      return contrast(image, factor);
    case TrivialOp::sharpness:
      return sharpness(image, factor, scratch);
    case TrivialOp::posterize:
      return posterize(image, 8 - int(std::nearbyint(double(k) / 5)));
    case TrivialOp::solarize:
      return solarize(image, double(linspace(255, 0, k)));
    case TrivialOp::autocontrast:
      return autocontrast(image);
    case TrivialOp::equalize:
      return equalize(image);
  }
}

}  // namespace skein
