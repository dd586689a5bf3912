#include "kernels/all_sum.h"

#include <fmt/format.h>

#include "cases/cases.h"

namespace skein {
namespace {

struct AllSumRow {
  int workers;
  int64_t n, begin, end;
  bool timed = false;
};
const std::vector<AllSumRow> kAllSumRows = {{1, 5, 0, 5},      {2, 1, 0, 1},           {3, 1000, 3, 3},
                                            {3, 777, 65, 650}, {3, 30011, 100, 30011}, {16, 4096, 0, 4096},
                                            {65, 133, 0, 133}, {200, 71, 5, 70},       {8, 1 << 22, 0, 1 << 22, true}};

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
  BoundCase bound;
  if (!r.timed) bound.outputs = {mean(all.front(), all, all.front(), r), mean(all.back(), all, all.back(), r)};
  const float scale = 1.0f / float(r.workers);
  bound.run = [=] { q.run(cpu::sum_to_all, cuda::sum_to_all, views_of(all), r.begin, r.end, scale); };
  return bound;
}

BoundCase bind_to_one(Queue q, const AllSumRow& r) {
  const std::vector<Tensor> all = vectors(q, r);
  const Tensor to = r.workers > 8 ? all.back() : random_tensor(q, {r.n}, 1000);  // it may be one of them
  BoundCase bound;
  if (!r.timed) bound.outputs = {mean(to, all, to, r)};
  const float scale = 1.0f / float(r.workers);
  bound.run = [=] { q.run(cpu::sum_to_one, cuda::sum_to_one, views_of(all), scale, to.view()); };
  return bound;
}

}  // namespace

std::vector<OpCase> all_sum_cases() {
  std::vector<OpCase> cases;
  for (const AllSumRow& r : kAllSumRows) {
    const double moved = 4.0 * double(r.end - r.begin);
    cases.push_back({fmt::format("sum_to_all/{}x{}[{},{})", r.workers, r.n, r.begin, r.end), r.timed, 0,
                     moved * 2 * r.workers, [r](Queue q) { return bind_to_all(q, r); }, false, true});
    if (r.begin == 0 && r.end == r.n)
      cases.push_back({fmt::format("sum_to_one/{}x{}", r.workers, r.n), r.timed, 0, moved * (r.workers + 1),
                       [r](Queue q) { return bind_to_one(q, r); }, false, true});
  }
  return cases;
}

}  // namespace skein
