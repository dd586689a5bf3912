#include "kernels/all_sum.h"

#include <fmt/format.h>

#include "cases/op_case.h"

namespace skein {
namespace {

struct AllSumRow {
  int workers;
  int64_t n, begin, end;
  bool timed = false;
};
const std::vector<AllSumRow> kAllSumRows = {{.workers = 1, .n = 5, .begin = 0, .end = 5},
                                            {.workers = 2, .n = 1, .begin = 0, .end = 1},
                                            {.workers = 3, .n = 1000, .begin = 3, .end = 3},
                                            {.workers = 3, .n = 777, .begin = 65, .end = 650},
                                            {.workers = 3, .n = 30011, .begin = 100, .end = 30011},
                                            {.workers = 16, .n = 4096, .begin = 0, .end = 4096},
                                            {.workers = 65, .n = 133, .begin = 0, .end = 133},
                                            {.workers = 200, .n = 71, .begin = 5, .end = 70},
                                            {.workers = 8, .n = 272474, .begin = 0, .end = 272474, .timed = true},
                                            {.workers = 8, .n = 1 << 22, .begin = 0, .end = 1 << 22, .timed = true}};

std::vector<Tensor> vectors(Queue q, const AllSumRow& r) {
  std::vector<Tensor> all;
  for (int k = 0; k < r.workers; ++k) all.push_back(random_tensor(q, {r.n}, uint32_t(k)));
  return all;
}

std::vector<View> views_of(const std::vector<Tensor>& tensors) {
  std::vector<View> views;
  for (const Tensor& t : tensors) views.push_back(t.view());
  return views;
}

// Elements outside [begin, end) stay as they were in `rest`.
Output mean(const Tensor& actual, const std::vector<Tensor>& all, const Tensor& rest, const AllSumRow& r) {
  std::vector<Numbers> x;
  for (const Tensor& t : all) x.push_back(to_numbers(t));
  return expect("mean", actual, [x, r, out = to_numbers(rest)]() mutable {
    for (int64_t i = r.begin; i < r.end; ++i) {
      double sum = 0;
      for (const Numbers& one : x) sum += one[size_t(i)];
      out[size_t(i)] = sum / r.workers;
    }
    return out;
  });
}

BoundCase bind_to_all(Queue q, const AllSumRow& r) {
  const std::vector<Tensor> all = vectors(q, r);
  const float scale = 1.0f / float(r.workers);
  auto run = [=](Queue q) { q.run(kernel::sum_to_all, views_of(all), r.begin, r.end, scale); };
  if (r.timed) return {q, run, {}};
  return {q, run, {mean(all.front(), all, all.front(), r), mean(all.back(), all, all.back(), r)}};
}

BoundCase bind_to_one(Queue q, const AllSumRow& r) {
  const std::vector<Tensor> all = vectors(q, r);
  const Tensor to = r.workers > 8 ? all.back() : random_tensor(q, {r.n}, 1000);  // it may be one of them
  const float scale = 1.0f / float(r.workers);
  auto run = [=](Queue q) { q.run(kernel::sum_to_one, views_of(all), scale, to.view()); };
  if (r.timed) return {q, run, {}};
  return {q, run, {mean(to, all, to, r)}};
}

void all_sum_cases(OpCases& cases) {
  for (const AllSumRow& r : kAllSumRows) {
    cases.add(fmt::format("sum_to_all/{}x{}[{},{})", r.workers, r.n, r.begin, r.end), r.timed, bind_to_all, r)
        .same_bits = true;
    if (r.begin == 0 && r.end == r.n)
      cases.add(fmt::format("sum_to_one/{}x{}", r.workers, r.n), r.timed, bind_to_one, r).same_bits = true;
  }
}

const RegisterCases all_sum_table{"all_sum", all_sum_cases};

}  // namespace
}  // namespace skein
