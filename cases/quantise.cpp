#include "kernels/quantise.h"

#include <fmt/format.h>

#include <cmath>

#include "cases/op_case.h"
#include "kernels/device/runtime.h"
#include "kernels/reference/quantise.h"

namespace skein {
namespace {

struct QuantiseRow {
  const char* name;
  int64_t n, ranks;
  Quantiser q;
  bool timed = false;
};
const std::vector<QuantiseRow> kQuantiseRows = {
    {"small", 20, 2, {8, 32}},         {"small", 20, 2, {4, 32}},         {"small", 20, 2, {2, 32}},
    {"odd", 4225, 3, {8, 256}},        {"odd", 4225, 3, {4, 96}},         {"odd", 4225, 3, {2, 288}},
    {"large", 9000, 1, {8, 4096}},     {"large", 9000, 1, {4, 4096}},     {"large", 9000, 1, {2, 4096}},
    {"25M", 25'000'000, 4, {8}, true}, {"25M", 25'000'000, 4, {4}, true}, {"25M", 25'000'000, 4, {2}, true},
};

// Multiples of 1/64, a part of them zero, so that sums of magnitudes are exact; a block of zeros.
Tensor coarse_numbers(Queue q, const QuantiseRow& r, uint32_t item) {
  const Tensor drawn = random_tensor(q, {r.n}, item);
  if (r.timed) return drawn;
  std::vector<float> all = drawn.to_vector();
  for (float& x : all) x = std::nearbyint(64 * x) / 64;
  if (r.n > 3 * r.q.block) std::fill_n(all.begin() + r.q.block, r.q.block, 0.0f);
  return Tensor::from(q.device, all, {r.n});
}

Tensor message_of(Queue q, const QuantiseRow& r, int64_t ranks) {
  return Tensor::zeros(q.device, DType::i32, {ranks, r.q.blocks(r.n) * r.q.words()});
}

BoundCase bind_quantise(Queue q, const QuantiseRow& r, bool remembers) {
  const Tensor d = coarse_numbers(q, r, 1), message = message_of(q, r, 1);
  const Tensor error = remembers ? Tensor::zeros(q.device, DType::f32, {r.n}) : Tensor();
  auto run = [=](Queue q) { q.run(kernel::quantise, r.q, d, message, error); };
  if (r.timed) return {q, run, {}};
  const reference::Quantised plain{r.q};
  BoundCase bound{q, run, {expect("message", message, 0, [=] { return plain.message(to_numbers(d)); })}};
  if (!remembers) return bound;
  // The rounding of q, of d's size, beside an error of d's size over twice the levels.
  const double cancelled = 0x1p-23 * double(1 << (r.q.bits - 1));
  bound.outputs.push_back(expect("error", error, 1e-6 + cancelled, [=] {
    Numbers left = to_numbers(d);
    const Numbers sent = plain.decoded(left);
    for (size_t i = 0; i < left.size(); ++i) left[i] -= sent[i];
    return left;
  }));
  return bound;
}

BoundCase bind_quantised_mean(Queue q, const QuantiseRow& r) {
  const Tensor data = message_of(q, r, r.ranks), mean = Tensor::zeros(q.device, DType::f32, {r.n});
  std::vector<Numbers> sent;
  for (int64_t k = 0; k < r.ranks; ++k) {
    const Tensor d = coarse_numbers(q, r, uint32_t(k));
    q.run(kernel::quantise, r.q, d, data.slice(k * data.shape()[3], {data.shape()[3]}), View{});
    q.run(kernel::synchronize);  // d ends here
    if (!r.timed) sent.push_back(to_numbers(d));
  }
  auto run = [=](Queue q) { q.run(kernel::quantised_mean, r.q, data, mean); };
  if (r.timed) return {q, run, {}};
  return {q, run, {expect("mean", mean, 1e-6, [=] {
            const reference::Quantised plain{r.q};
            Numbers all(size_t(r.n));
            for (const Numbers& d : sent) {
              const Numbers one = plain.decoded(d);
              for (size_t i = 0; i < all.size(); ++i) all[i] += one[i] / double(sent.size());
            }
            return all;
          })}};
}

void quantise_cases(OpCases& cases) {
  for (const QuantiseRow& r : kQuantiseRows) {
    const std::string name = fmt::format("{}/q{}x{}", r.name, r.q.bits, r.q.block);
    for (const bool memory : {false, true})
      cases.add(fmt::format("quantise/{}{}", name, memory ? "+memory" : ""), r.timed, bind_quantise, r, memory)
          .same_bits = true;
    cases.add(fmt::format("quantised_mean/{}x{}", r.ranks, name), r.timed, bind_quantised_mean, r).same_bits = true;
  }
}

const RegisterCases quantise_table{"quantise", quantise_cases};

}  // namespace
}  // namespace skein
