#include "kernels/erase.h"

#include <fmt/format.h>

#include "cases/op_case.h"

namespace skein {
namespace {

struct EraseRow {
  Shape images;
  std::vector<Box> boxes;  // of the first images; the others have an empty one
  bool timed = false;
};
const std::vector<EraseRow> kEraseRows = {
    {.images = {3, 5, 7, 1}, .boxes = {{0, 0, 5, 7}, {}, {4, 6, 1, 1}}},
    {.images = {4, 8, 6, 3}, .boxes = {{1, 2, 3, 4}, {0, 5, 8, 1}, {7, 0, 1, 6}}},
    {.images = {1, 40, 70, 4}, .boxes = {{13, 9, 20, 41}}},
    {.images = {256, 32, 32, 3}, .boxes = std::vector<Box>(256, Box{5, 6, 16, 16}), .timed = true}};

BoundCase bind_erase(Queue q, const EraseRow& r, DType type) {
  std::vector<int32_t> numbers(size_t(4 * r.images[0]));
  for (size_t i = 0; i < r.boxes.size(); ++i) {
    const Box& b = r.boxes[i];
    const int32_t members[] = {b.top, b.left, b.height, b.width};
    std::copy_n(members, 4, numbers.begin() + std::ptrdiff_t(4 * i));
  }
  const Tensor boxes = Tensor::from(q.device, numbers, {r.images[0], 4});
  const Tensor images = random_tensor(q, r.images, 1, 0, 1, type), out = Tensor::empty(q.device, type, r.images);
  auto run = [=](Queue q) {
    q.run(kernel::copy, images, out);
    q.run(kernel::erase, boxes, out);
  };
  auto expected = [=] {
    Numbers all = to_numbers(images);
    size_t i = 0;
    for (int64_t n = 0; n < r.images[0]; ++n) {
      const Box b = size_t(n) < r.boxes.size() ? r.boxes[size_t(n)] : Box{};
      for (int64_t y = 0; y < r.images[1]; ++y)
        for (int64_t x = 0; x < r.images[2]; ++x)
          for (int64_t c = 0; c < r.images[3]; ++c, ++i)
            if (y >= b.top && y < b.top + b.height && x >= b.left && x < b.left + b.width) all[i] = 0;
    }
    return all;
  };
  return {q, run, {expect("out", out, tolerance_of(type), expected)}};
}

void erase_cases(OpCases& cases) {
  for (const EraseRow& r : kEraseRows)
    for (const DType t : {DType::f32, DType::bf16})
      cases.add(fmt::format("erase/{}", name_of(r.images)), r.timed, bind_erase, r, t).same_bits = true;
}

const RegisterCases erase_table{"erase", erase_cases};

}  // namespace
}  // namespace skein
