#include "cases/op_case.h"

#include <fmt/format.h>

#include "cases/cases.h"
#include "kernels/random.h"

namespace skein {
namespace {

constexpr uint64_t kSeed = 20;

double draw(uint32_t item, int64_t i) {
  const RandomWords w = random_words(kSeed, Purpose::test, 0, item, uint32_t(i));
  return normal(w[0], w[1]);
}

template <class T>
void append(std::vector<T>& all, std::vector<T> more) {
  for (T& x : more) all.push_back(std::move(x));
}

}  // namespace

std::vector<OpCase> op_cases() {
  std::vector<OpCase> all;
  for (auto cases :
       {all_sum_cases, augment_cases, batch_norm_cases, cast_cases, conv_cases, cross_entropy_cases, downsample_cases,
        gaussian_noise_cases, lars_cases, linear_cases, pool_cases, sgd_step_cases, sign_cases, vector_cases})
    append(all, cases());
  return all;
}

std::vector<GradientCase> gradient_cases() {
  std::vector<GradientCase> all;
  for (auto cases : {batch_norm_gradients, conv_gradients, cross_entropy_gradients, downsample_gradients,
                     linear_gradients, pool_gradients, vector_gradients})
    append(all, cases());
  return all;
}

Tensor random_tensor(Queue q, Shape shape, uint32_t item, float mean, float scale) {
  std::vector<float> values(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = mean + scale * float(draw(item, int64_t(i)));
  return Tensor::from(q.device, values, shape);
}

Tensor random_labels(Queue q, int64_t n, int64_t classes, uint32_t item) {
  std::vector<int32_t> labels(static_cast<size_t>(n));
  for (size_t i = 0; i < labels.size(); ++i)
    labels[i] = int32_t(bounded(random_words(kSeed, Purpose::test, 0, item, uint32_t(i))[0], uint32_t(classes)));
  return Tensor::from(q.device, labels, {n});
}

Numbers random_numbers(int64_t n, uint32_t item) {
  Numbers out(static_cast<size_t>(n));
  for (size_t i = 0; i < out.size(); ++i) out[i] = draw(item, int64_t(i));
  return out;
}

Numbers to_numbers(const Tensor& x) {
  const std::vector<float> values = x.to_vector();
  return {values.begin(), values.end()};
}

Output expect(std::string name, Tensor actual, std::function<Numbers()> expected, double tolerance) {
  return {std::move(name), std::move(actual), std::move(expected), tolerance};
}

std::string name_of(const Shape& s) { return fmt::format("{}x{}x{}x{}", s[0], s[1], s[2], s[3]); }

}  // namespace skein
