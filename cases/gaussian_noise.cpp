#include "kernels/gaussian_noise.h"

#include <fmt/format.h>

#include "base/random.h"
#include "cases/op_case.h"

namespace skein {
namespace {

struct GaussianNoiseRow {
  int64_t n, first;
  bool timed = false;
};
// The timed one: ResNet-20.
const std::vector<GaussianNoiseRow> kGaussianNoiseRows = {{.n = 1, .first = 0},
                                                          {.n = 30001, .first = 64},
                                                          {.n = 777, .first = 12800},
                                                          {.n = 30, .first = 6},
                                                          {.n = 272640, .first = 0, .timed = true}};
constexpr float kSigma = 0.5f;
constexpr uint64_t kGaussianNoiseSeed = 0x0123456789abcdef;
constexpr uint32_t kGaussianNoiseWorker = 3, kGaussianNoiseStep = 17;

BoundCase bind_gaussian_noise(Queue q, const GaussianNoiseRow& r) {
  const Tensor grad = random_tensor(q, {r.n}, 1), step = Tensor::empty(q.device, DType::i32, {1});
  q.run(kernel::copy_from_host, &kGaussianNoiseStep, step);
  const Numbers g0 = to_numbers(grad);
  auto run = [=](Queue q) {
    q.run(kernel::gaussian_noise, kSigma,
          NoiseStream{kGaussianNoiseSeed, kGaussianNoiseWorker, step.view().as<const uint32_t>()}, r.first, grad);
  };
  auto expected = [=] {
    Numbers g = g0;
    for (int64_t i = 0; i < r.n; ++i) {
      const int64_t place = r.first + i;
      const RandomWords w = random_words(kGaussianNoiseSeed, Purpose::noise, kGaussianNoiseStep, kGaussianNoiseWorker,
                                         uint32_t(place / 2));
      g[size_t(i)] += double(kSigma) * (place % 2 == 0 ? normal(w[0], w[1]) : normal(w[2], w[3]));
    }
    return g;
  };
  return {q, run, {expect("grad", grad, 1e-6, expected)}};
}

void gaussian_noise_cases(OpCases& cases) {
  for (const GaussianNoiseRow& r : kGaussianNoiseRows)
    cases.add(fmt::format("gaussian_noise/{}+{}", r.n, r.first), r.timed, bind_gaussian_noise, r);
}

const RegisterCases gaussian_noise_table{"gaussian_noise", gaussian_noise_cases};

}  // namespace
}  // namespace skein
