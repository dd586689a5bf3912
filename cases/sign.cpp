#include "kernels/sign.h"

#include <fmt/format.h>

#include <bit>

#include "cases/op_case.h"
#include "kernels/reference/sign.h"
#include "kernels/vector.h"

namespace skein {
namespace {

struct SignRow {
  const char* name;
  std::vector<int64_t> counts;  // of the segments, each of which starts at a multiple of 64
  int64_t ranks;
  bool timed = false;
};
const std::vector<SignRow> kSignRows = {
    {"one", {1}, 1},
    {"small", {3, 1, 1, 2, 40, 1, 1, 1, 6, 1, 700}, 2},
    {"odd", {31, 1, 33, 64, 10, 4097, 5}, 1},
    {"odd", {31, 1, 33, 64, 10, 4097, 5}, 3},
    {"words", {32, 64, 9000}, 16},
    {"resnet20", {432, 80000, 80000, 112042}, 4, true},
    {"25M", std::vector<int64_t>(10, 2'500'010), 4, true},  // off the words, as behind a classifier's bias
};

// The layout, and inputs whose padding is zero as the flat parameters' is.
struct Flat {
  Queue q;
  reference::Sign plain;
  Tensor segments;
  int64_t size = 0, bits = 0;

  Flat(Queue queue, const SignRow& r) : q(queue) {
    for (const int64_t count : r.counts) {
      plain.segments.push_back({size, count, bits});
      size += (count + 63) / 64 * 64;
      bits += count;
    }
    segments = Tensor::empty(q.device, DType::u8, {int64_t(plain.segments.size() * sizeof(SignSegment))});
    q.run(kernel::copy_from_host, plain.segments.data(), segments);
  }
  SignLayout layout() const { return {segments.view().as<SignSegment>(), int64_t(plain.segments.size())}; }
  int64_t words() const { return (bits + 31) / 32; }
  int64_t scales() const { return int64_t(plain.segments.size()); }
  Tensor numbers(uint32_t item) const {
    const std::vector<float> from = random_tensor(q, {size}, item).to_vector();
    std::vector<float> to(from.size());
    for (const SignSegment& s : plain.segments) std::copy_n(from.begin() + s.begin, s.count, to.begin() + s.begin);
    return Tensor::from(q.device, to, {size});
  }
  // As numbers(), with zeros of either sign between them.
  Tensor with_zeros(uint32_t item) const {
    std::vector<float> all = numbers(item).to_vector();
    for (size_t i = 0; i < all.size(); i += 3) all[i] = i % 2 == 0 ? 0.0f : -0.0f;
    return Tensor::from(q.device, all, {size});
  }
  Tensor floats(int64_t n) const { return Tensor::zeros(q.device, DType::f32, {n}); }
  Tensor ints(Shape s) const { return Tensor::zeros(q.device, DType::i32, s); }
};

BoundCase bind_sign_scales(Queue q, const SignRow& r, bool remembers) {
  const Flat f(q, r);
  const Tensor c = f.numbers(1), w = f.numbers(2), d = f.floats(f.size), scales = f.floats(f.scales());
  const Tensor memory = remembers ? f.numbers(3) : Tensor();
  auto run = [=](Queue q) { q.run(kernel::sign_scales, f.layout(), c, w, memory, d, scales); };
  if (r.timed) return {q, run, {}};
  auto distances = [=] {
    Numbers out = remembers ? to_numbers(memory) : Numbers(size_t(f.size));
    const Numbers cs = to_numbers(c), ws = to_numbers(w);
    for (size_t i = 0; i < out.size(); ++i) out[i] += cs[i] - ws[i];
    return out;
  };
  return {q, run, {expect("d", d, 1e-6, distances), expect("scales", scales, 1e-6, [=] {
                     return f.plain.scales(distances());
                   })}};
}

constexpr SignTies kTies{1234567890123, 3};

BoundCase bind_sign_pack(Queue q, const SignRow& r, bool remembers) {
  const Flat f(q, r);
  const Tensor d = r.timed ? f.numbers(1) : f.with_zeros(1),
               scales = Tensor::from(q.device, std::vector<float>(r.counts.size(), 0.75f), {f.scales()});
  const Tensor words = f.ints({f.words()}), error = remembers ? f.floats(f.size) : Tensor();
  auto run = [=](Queue q) { q.run(kernel::sign_pack, f.layout(), d, scales, words, error, kTies); };
  if (r.timed) return {q, run, {}};
  auto packed = [=] {
    const Numbers bits = f.plain.bits(to_numbers(d), kTies);
    std::vector<uint32_t> expected(size_t(f.words()));
    for (size_t i = 0; i < bits.size(); ++i) expected[i / 32] |= uint32_t(bits[i]) << i % 32;
    Numbers numbers;
    for (const uint32_t word : expected) numbers.push_back(int32_t(word));
    return numbers;
  };
  BoundCase bound{q, run, {expect("words", words, 0, packed)}};
  if (!remembers) return bound;
  bound.outputs.push_back(expect("error", error, 1e-6, [=] {
    Numbers left = to_numbers(d);
    const Numbers sent = f.plain.decode(f.plain.bits(left, kTies), to_numbers(scales), left.size());
    for (size_t i = 0; i < left.size(); ++i) left[i] -= sent[i];
    return left;
  }));
  return bound;
}

BoundCase bind_sign_mean(Queue q, const SignRow& r, bool mean_of_means) {
  const Flat f(q, r);
  const int64_t stride = f.words() + f.scales(), digits = std::bit_width(uint64_t(r.ranks));
  const Tensor data = f.ints({r.ranks, stride}), mean = f.floats(f.size), planes = f.ints({digits, f.words()});
  std::vector<Numbers> bits, scales;
  for (int64_t k = 0; k < r.ranks; ++k) {
    const Tensor d = f.numbers(uint32_t(k)), words = data.slice(k * stride, {f.words()});
    View scale = data.slice(k * stride + f.words(), {f.scales()});
    scale.dtype = DType::f32;
    std::vector<float> drawn;
    for (int64_t s = 0; s < f.scales(); ++s) drawn.push_back(0.5f + 0.25f * float(k) + 0.0625f * float(s));
    q.run(kernel::copy_from_host, drawn.data(), scale);
    q.run(kernel::sign_pack, f.layout(), d, scale, words, View{}, kTies);
    q.run(kernel::synchronize);  // d ends here
    if (r.timed) continue;
    bits.push_back(f.plain.bits(to_numbers(d), kTies));
    scales.emplace_back(drawn.begin(), drawn.end());
  }
  q.run(kernel::fill, 7.0f, mean);  // the padding must be written as well
  auto run = [=](Queue q) {
    const SignMessages messages{data, f.words(), 0};
    if (!mean_of_means) return q.run(kernel::sign_mean, f.layout(), messages, 0, mean);
    q.run(kernel::sign_count, messages, planes);
    q.run(kernel::sign_count_mean, f.layout(), messages, planes, 0, mean);
  };
  if (r.timed) return {q, run, {}};
  return {q, run, {expect("mean", mean, 1e-6, [=] {
            return mean_of_means ? f.plain.mean_of_means(bits, scales, size_t(f.size))
                                 : f.plain.mean(bits, scales, size_t(f.size));
          })}};
}

void sign_cases(OpCases& cases) {
  for (const SignRow& r : kSignRows) {
    for (const bool option : {false, true}) {
      const std::string memory = option ? "+memory" : "";
      if (r.ranks < 3 || r.timed) {
        cases.add(fmt::format("sign_scales/{}{}", r.name, memory), r.timed, bind_sign_scales, r, option);
        cases.add(fmt::format("sign_pack/{}{}", r.name, memory), r.timed, bind_sign_pack, r, option).same_bits = true;
      }
      cases
          .add(fmt::format("{}/{}x{}", option ? "sign_count_mean" : "sign_mean", r.ranks, r.name), r.timed,
               bind_sign_mean, r, option)
          .same_bits = true;
    }
  }
}

const RegisterCases sign_table{"sign", sign_cases};

}  // namespace
}  // namespace skein
