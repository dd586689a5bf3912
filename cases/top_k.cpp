#include "kernels/top_k.h"

#include <fmt/format.h>

#include <cmath>

#include "cases/op_case.h"
#include "kernels/device/runtime.h"
#include "kernels/reference/top_k.h"

namespace skein {
namespace {

struct TopKRow {
  const char* name;
  int64_t n, k, ranks;
  bool timed = false;
};
const std::vector<TopKRow> kTopKRows = {
    {"one", 1, 1, 1},        {"short", 700, 900, 2}, {"odd", 9001, 41, 3},
    {"ties", 8192, 1500, 2}, {"all", 4100, 4096, 1}, {"25M", 25'000'000, 41, 4, true},
};

// Multiples of 1/8, so that many magnitudes are equal, and zeros of either sign.
Tensor tied_numbers(Queue q, const TopKRow& r, uint32_t item) {
  const Tensor drawn = random_tensor(q, {r.n}, item);
  if (r.timed) return drawn;
  std::vector<float> all = drawn.to_vector();
  for (float& x : all) x = std::nearbyint(8 * x) / 8;
  return Tensor::from(q.device, all, {r.n});
}

Tensor message_of(Queue q, const TopKRow& r, int64_t ranks) {
  const TopK top{r.k};
  return Tensor::zeros(q.device, DType::i32, {ranks, top.blocks(r.n) * top.words()});
}

BoundCase bind_top_k_pack(Queue q, const TopKRow& r, bool remembers) {
  const Tensor d = tied_numbers(q, r, 1), message = message_of(q, r, 1);
  const Tensor error = remembers ? Tensor::zeros(q.device, DType::f32, {r.n}) : Tensor();
  auto run = [=](Queue q) { q.run(kernel::top_k_pack, TopK{r.k}, d, message, error); };
  if (r.timed) return {q, run, {}};
  const reference::Largest plain{{r.k}};
  BoundCase bound{q, run, {expect("message", message, 0, [=] { return plain.message(to_numbers(d)); })}};
  if (!remembers) return bound;
  bound.outputs.push_back(expect("error", error, 0, [=] {
    Numbers left = to_numbers(d);
    const Numbers sent = plain.decoded(left);
    for (size_t i = 0; i < left.size(); ++i) left[i] -= sent[i];
    return left;
  }));
  return bound;
}

BoundCase bind_top_k_mean(Queue q, const TopKRow& r) {
  const Tensor data = message_of(q, r, r.ranks), mean = Tensor::zeros(q.device, DType::f32, {r.n});
  std::vector<Numbers> sent;
  for (int64_t k = 0; k < r.ranks; ++k) {
    const Tensor d = tied_numbers(q, r, uint32_t(k));
    q.run(kernel::top_k_pack, TopK{r.k}, d, data.slice(k * data.shape()[3], {data.shape()[3]}), View{});
    q.run(kernel::synchronize);  // d ends here
    if (!r.timed) sent.push_back(to_numbers(d));
  }
  auto run = [=](Queue q) { q.run(kernel::top_k_mean, TopK{r.k}, data, mean); };
  if (r.timed) return {q, run, {}};
  return {q, run, {expect("mean", mean, 1e-6, [=] {
            const reference::Largest plain{{r.k}};
            Numbers all(size_t(r.n));
            for (const Numbers& d : sent) {
              const Numbers one = plain.decoded(d);
              for (size_t i = 0; i < all.size(); ++i) all[i] += one[i] / double(sent.size());
            }
            return all;
          })}};
}

void top_k_cases(OpCases& cases) {
  for (const TopKRow& r : kTopKRows) {
    for (const bool memory : {false, true})
      cases.add(fmt::format("top_k_pack/{}{}", r.name, memory ? "+memory" : ""), r.timed, bind_top_k_pack, r, memory)
          .same_bits = true;
    cases.add(fmt::format("top_k_mean/{}x{}", r.ranks, r.name), r.timed, bind_top_k_mean, r).same_bits = true;
  }
}

const RegisterCases top_k_table{"top_k", top_k_cases};

}  // namespace
}  // namespace skein
