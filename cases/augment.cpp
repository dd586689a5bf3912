#include "kernels/augment.h"

#include <fmt/format.h>

#include "base/random.h"
#include "cases/op_case.h"

namespace skein {
namespace {

struct AugmentRow {
  Shape images;
  bool training;
  Flip flip = Flip::random;
  bool timed = false;
};
const std::vector<AugmentRow> kAugmentRows = {{.images = {5, 6, 7, 1}, .training = true},
                                              {.images = {5, 6, 7, 3}, .training = false},
                                              {.images = {9, 5, 5, 3}, .training = true},
                                              {.images = {7, 8, 8, 3}, .training = true},
                                              {.images = {3, 28, 28, 1}, .training = true},
                                              {.images = {4, 2, 3, 2}, .training = true},
                                              {.images = {3, 40, 70, 4}, .training = true},
                                              {.images = {9, 5, 6, 3}, .training = true, .flip = Flip::alternate},
                                              {.images = {256, 32, 32, 3}, .training = true, .timed = true},
                                              {.images = {256, 28, 28, 1}, .training = true, .timed = true}};
constexpr uint64_t kAugmentSeed = 3;
constexpr uint32_t kEpoch = 3;

struct AugmentInputs {
  Shape shape;
  Augmentation options{true, Flip::random, 4, {0.4914f, 0.4822f, 0.4465f, 0.5f}, {0.2023f, 0.1994f, 0.2010f, 0.25f}};
  std::vector<uint8_t> pixels;
  std::vector<int32_t> samples;  // half of the images, last first

  explicit AugmentInputs(const AugmentRow& r) : shape(r.images), pixels(size_t(r.images.numel())) {
    options.training = r.training;
    options.flip = r.flip;
    for (size_t i = 0; i < pixels.size(); ++i)
      pixels[i] = uint8_t(random_words(1, Purpose::test, 0, 0, uint32_t(i))[0]);
    for (int64_t i = 0; i < (shape[0] + 1) / 2; ++i) samples.push_back(int32_t(shape[0] - 1 - i));
  }

  // The value that torchvision's flip, RandomCrop and Normalize would put at (y, x, c).
  double at(int32_t sample, int64_t y, int64_t x, int64_t c) const {
    const RandomWords w = random_words(kAugmentSeed, Purpose::augment, kEpoch, uint32_t(sample), 0);
    if (options.training) {
      const uint32_t range = uint32_t(2 * options.padding + 1);
      y += int64_t(bounded(w[1], range)) - options.padding;
      x += int64_t(bounded(w[2], range)) - options.padding;
      // Alternate flips: epoch 3 has the other side of epoch 0.
      const bool alternate = options.flip == Flip::alternate;
      const uint32_t epoch = alternate ? 0 : kEpoch;
      const bool drawn = random_words(kAugmentSeed, Purpose::augment, epoch, uint32_t(sample), 0)[0] >> 31;
      if (drawn != alternate) x = shape[2] - 1 - x;
    }
    const bool inside = y >= 0 && y < shape[1] && x >= 0 && x < shape[2];
    const size_t i = inside ? size_t(((sample * shape[1] + y) * shape[2] + x) * shape[3] + c) : 0;
    return ((inside ? pixels[i] : 0) / 255.0 - double(options.mean[c])) / double(options.std[c]);
  }
};

BoundCase bind_augment(Queue q, const AugmentRow& r, DType type) {
  auto in = std::make_shared<AugmentInputs>(r);
  const Shape s{int64_t(in->samples.size()), r.images[1], r.images[2], r.images[3]};
  const Tensor images = Tensor::empty(q.device, DType::u8, r.images);
  q.run(kernel::copy_from_host, in->pixels.data(), images);
  const Tensor out = Tensor::empty(q.device, type, s), samples = Tensor::from(q.device, in->samples, {s[0]});
  auto run = [=](Queue q) { q.run(kernel::augment, images, samples, in->options, kAugmentSeed, kEpoch, out); };
  auto expected = [=] {
    Numbers numbers;
    for (const int32_t sample : in->samples)
      for (int64_t y = 0; y < s[1]; ++y)
        for (int64_t x = 0; x < s[2]; ++x)
          for (int64_t c = 0; c < s[3]; ++c) numbers.push_back(in->at(sample, y, x, c));
    return numbers;
  };
  return {q, run, {expect("out", out, tolerance_of(type), expected)}};
}

void augment_cases(OpCases& cases) {
  for (const AugmentRow& r : kAugmentRows)
    for (const DType t : {DType::f32, DType::bf16})
      cases
          .add(fmt::format("augment/{}{}", name_of(r.images),
                           !r.training                 ? ""
                           : r.flip == Flip::alternate ? "+crop+alternate"
                                                       : "+crop+flip"),
               r.timed, bind_augment, r, t)
          .same_bits = true;
}

const RegisterCases augment_table{"augment", augment_cases};

}  // namespace
}  // namespace skein
