#include "kernels/mix.h"

#include <fmt/format.h>

#include "cases/op_case.h"

namespace skein {
namespace {

struct MixRow {
  Shape images;
  PixelMix mix;
  bool timed = false;
};
const std::vector<MixRow> kMixRows = {{.images = {5, 5, 7, 1}, .mix = {{0, 0, 5, 7}, 0.3f, 0.7f}},
                                      {.images = {4, 8, 6, 3}, .mix = {{2, 1, 5, 3}, 0.0f, 1.0f}},
                                      {.images = {1, 4, 4, 3}, .mix = {{0, 0, 4, 4}, 0.3f, 0.7f}},
                                      {.images = {6, 4, 4, 3}, .mix = {{1, 1, 0, 2}, 0.0f, 1.0f}},
                                      {.images = {2, 40, 70, 4}, .mix = {{0, 0, 40, 70}, 0.9f, 0.1f}},
                                      {.images = {256, 32, 32, 3}, .mix = {{0, 0, 32, 32}, 0.7f, 0.3f}, .timed = true}};

BoundCase bind_mix(Queue q, const MixRow& r, DType type) {
  const Tensor images = random_tensor(q, r.images, 1, 0, 1, type), out = Tensor::empty(q.device, type, r.images);
  auto run = [=](Queue q) {
    q.run(kernel::copy, images, out);
    q.run(kernel::mix_images, r.mix, out);
  };
  auto expected = [=] {
    const Numbers from = to_numbers(images);
    Numbers to = from;
    const Shape& s = r.images;
    const Box& b = r.mix.box;
    const auto at = [&](int64_t n, int64_t y, int64_t x, int64_t c) {
      return size_t(((n * s[1] + y) * s[2] + x) * s[3] + c);
    };
    for (int64_t n = 0; n < s[0]; ++n) {
      const int64_t partner = s[0] - 1 - n;
      if (partner == n) continue;
      for (int64_t y = b.top; y < b.top + b.height; ++y)
        for (int64_t x = b.left; x < b.left + b.width; ++x)
          for (int64_t c = 0; c < s[3]; ++c)
            to[at(n, y, x, c)] =
                double(r.mix.own) * from[at(n, y, x, c)] + double(r.mix.other) * from[at(partner, y, x, c)];
    }
    return to;
  };
  return {q, run, {expect("out", out, tolerance_of(type), expected)}};
}

void mix_cases(OpCases& cases) {
  for (const MixRow& r : kMixRows)
    for (const DType t : {DType::f32, DType::bf16})
      cases
          .add(fmt::format("mix/{}/{}x{}", name_of(r.images), r.mix.box.height, r.mix.box.width), r.timed, bind_mix, r,
               t)
          .same_bits = true;
}

const RegisterCases mix_table{"mix_images", mix_cases};

}  // namespace
}  // namespace skein
