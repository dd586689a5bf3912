// Convolutions in tiles: many shapes against the double reference, the same bits for any number of threads, and, where
// there is AMX, the instructions against the portable tiles to the bit. The same shapes through the other
// implementations, by turns.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <random>

#include "cases/op_case.h"
#include "kernels/cast.h"
#include "kernels/conv.h"
#include "kernels/reference/conv.h"
#include "kernels/vector.h"
#include "tests/support/expect_close.h"

namespace skein::testing {
namespace {

const Queue kQueue;

struct Passes {
  Tensor y, dx, dw;
};

struct Operands {
  Tensor x, w, dy;
  explicit Operands(const reference::Conv& c)
      : x(random_tensor(kQueue, c.x, 1, 0, 1, DType::bf16)),
        w(random_tensor(kQueue, c.w, 2, 0, 1, DType::bf16)),
        dy(random_tensor(kQueue, c.y(), 3, 0, 1, DType::bf16)) {}
};

// What was there before must not matter.
Tensor dirty(Shape shape, DType type) {
  const Tensor t = Tensor::empty(Device::cpu, type, shape);
  kQueue.run(kernel::fill, std::numeric_limits<float>::quiet_NaN(), t);
  return t;
}

Passes passes(const std::string& implementation, const reference::Conv& c, const Operands& in, int threads = 1) {
  const Tensor y = dirty(c.y(), DType::bf16), dx = dirty(c.x, DType::bf16), dw = dirty(c.w, DType::f32);
  const int before = omp_get_max_threads();
  omp_set_num_threads(threads);
  cpu::force_conv_implementation(implementation);
  kQueue.run(kernel::conv_forward, in.x, in.w, c.g, y);
  kQueue.run(kernel::conv_backward_data, in.dy, in.w, c.g, dx);
  kQueue.run(kernel::conv_backward_weights, in.x, in.dy, c.g, dw);
  cpu::force_conv_implementation("auto");
  omp_set_num_threads(before);
  return {y, dx, dw};
}

bool are_equal(const Tensor& a, const Tensor& b) { return to_numbers(a) == to_numbers(b); }

bool has(const std::string& name) {
  const auto all = cpu::conv_implementations(DType::bf16);
  return std::count(all.begin(), all.end(), name) > 0;
}

// One of a list, by the generator alone: std::uniform_int_distribution differs between libraries.
int64_t one_of(std::mt19937& random, std::initializer_list<int64_t> list) {
  return *(list.begin() + random() % list.size());
}

reference::Conv random_conv(std::mt19937& random) {
  for (;;) {
    const int64_t n = one_of(random, {1, 2, 3, 5, 16, 17}), h = one_of(random, {1, 3, 7, 8, 14}),
                  w = one_of(random, {1, 4, 7, 8, 15, 16, 19}),
                  c = one_of(random, {1, 3, 5, 8, 12, 16, 17, 32, 40, 64, 256}),
                  o = one_of(random, {1, 3, 12, 16, 17, 32, 33, 48}), k = one_of(random, {1, 2, 3, 3, 3, 5, 7}),
                  stride = one_of(random, {1, 1, 2, 3}), padding = one_of(random, {0, k / 2, k / 2, k - 1});
    const int64_t work = n * h * w * c * o * k * k;
    if (h + 2 * padding >= k && w + 2 * padding >= k && work < 2'000'000)
      return {{n, h, w, c}, {o, k, k, c}, {stride, padding}};
  }
}

std::string text_of(const reference::Conv& c) {
  return fmt::format("{} x {} x {} x {}, {} filters of {}, stride {}, padding {}", c.x[0], c.x[1], c.x[2], c.x[3],
                     c.w[0], c.w[1], c.g.stride, c.g.padding);
}

// One image whose outputs are rows of 16 pixels, of one tap each, while its own rows are wider, narrower or shifted.
const std::vector<reference::Conv> kRowsOf16 = {{{1, 5, 14, 32}, {32, 1, 1, 32}, {1, 1}},
                                                {{1, 6, 31, 32}, {32, 2, 2, 32}, {2, 0}},
                                                {{1, 6, 32, 32}, {32, 3, 3, 32}, {2, 0}},
                                                {{1, 6, 32, 32}, {32, 2, 2, 32}, {2, 1}},
                                                {{1, 6, 48, 32}, {32, 3, 3, 32}, {3, 1}}};

TEST(AmxConvolution, EqualsTheReferenceForManyShapes) {
  std::mt19937 random(1);
  std::vector<reference::Conv> all = kRowsOf16;
  const std::vector<std::string> names = cpu::conv_implementations(DType::bf16);
  for (int i = 0; i < 40; ++i) all.push_back(random_conv(random));
  for (size_t i = 0; i < all.size(); ++i) {
    const reference::Conv& c = all[i];
    SCOPED_TRACE(text_of(c));
    const Operands in(c);
    const int threads = 1 + int(i % 3);
    const Passes got = passes("amx-portable", c, in, threads);
    const Numbers x = to_numbers(in.x), w = to_numbers(in.w), dy = to_numbers(in.dy);
    expect_close(expect("y", got.y, 0x1p-8, [&] { return c.forward(x, w); }));  // rounded to bf16 once
    expect_close(expect("dx", got.dx, 0x1p-8, [&] { return c.backward_data(dy, w); }));
    expect_close(expect("dw", got.dw, 2e-6, [&] { return c.backward_weights(x, dy); }));
    const Passes again = passes("amx-portable", c, in, 4 - threads);
    EXPECT_TRUE(are_equal(again.y, got.y) && are_equal(again.dx, got.dx)) << "depends on the number of threads";
    // By turns, the other implementations; Winograd's transforms round more.
    const std::string other = names[i % names.size()];
    SCOPED_TRACE(other);
    const Passes others = passes(other, c, in, threads);
    expect_close(expect("y", others.y, 0x1p-7, [&] { return c.forward(x, w); }));
    expect_close(expect("dx", others.dx, 0x1p-7, [&] { return c.backward_data(dy, w); }));
    expect_close(expect("dw", others.dw, 1e-4, [&] { return c.backward_weights(x, dy); }));
    if (!has("amx")) continue;
    const Passes amx = passes("amx", c, in, threads);
    EXPECT_TRUE(are_equal(amx.y, got.y) && are_equal(amx.dx, got.dx) && are_equal(amx.dw, got.dw))
        << "the instructions give other bits";
  }
}

// Large enough for threads to share the sums of the weights, and to be cut into strips and chunks.
TEST(AmxConvolution, LargeLayersAreCutIntoPieces) {
  for (const reference::Conv& c : {reference::Conv{{2, 4, 4, 500}, {500, 3, 3, 500}, {1, 1}},
                                   reference::Conv{{1, 56, 56, 96}, {16, 3, 3, 96}, {1, 1}},
                                   reference::Conv{{4, 28, 28, 96}, {24, 1, 1, 96}, {1, 0}}}) {
    SCOPED_TRACE(text_of(c));
    const Operands in(c);
    const Passes got = passes(has("amx") ? "amx" : "amx-portable", c, in, 2), direct = passes("onednn", c, in, 2);
    for (const auto& [name, tiles, other] :
         {std::tuple{"y", got.y, direct.y}, {"dx", got.dx, direct.dx}, {"dw", got.dw, direct.dw}})
      expect_close(expect(name, tiles, 0x1p-7, [&other = other] { return to_numbers(other); }));
  }
}

// The order in which the instruction adds: even numbers, odd numbers, then both to what was there. Of 2^24 + 1 - 2^24,
// 1 is left where it is in a chain of its own (an odd place), and nothing where it is lost beside 2^24 (an even one).
TEST(AmxConvolution, SumsEvenAndOddNumbersApart) {
  std::vector<float> x(32, 0), w(32, 0);
  x[0] = 0x1p24f, x[1] = 1, x[2] = -0x1p24f, w[0] = w[1] = w[2] = 1;
  x[4] = 0x1p24f, x[6] = 1, x[8] = -0x1p24f, w[4] = w[6] = w[8] = 1;
  const auto bf16 = [](const std::vector<float>& values, Shape shape) {
    const Tensor out = Tensor::empty(Device::cpu, DType::bf16, shape);
    kQueue.run(kernel::cast, Tensor::from(Device::cpu, values, shape), out);
    return out;
  };
  for (const char* name : {"amx-portable", "amx"}) {
    if (!has(name)) continue;
    const Tensor y = Tensor::empty(Device::cpu, DType::bf16, {1, 1, 1, 1});
    cpu::force_conv_implementation(name);
    kQueue.run(kernel::conv_forward, bf16(x, {1, 1, 1, 32}), bf16(w, {1, 1, 1, 32}), ConvGeometry{1, 0}, y);
    cpu::force_conv_implementation("auto");
    EXPECT_EQ(to_numbers(y), Numbers{1}) << name;
  }
}

}  // namespace
}  // namespace skein::testing
