#include "train/evaluation/predictions.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace skein {

std::vector<double> probabilities(std::span<const float> logits) {
  const double most = *std::max_element(logits.begin(), logits.end());
  std::vector<double> p(logits.size());
  double sum = 0;
  for (size_t c = 0; c < p.size(); ++c) sum += p[c] = std::exp(double(logits[c]) - most);
  for (double& x : p) x /= sum;
  return p;
}

std::vector<int64_t> rank_classes(std::span<const float> logits, int64_t count) {
  std::vector<int64_t> order;
  if (std::any_of(logits.begin(), logits.end(), [](float l) { return std::isnan(l); })) return order;
  order.resize(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto end = order.begin() + std::min(count, int64_t(order.size()));
  std::partial_sort(order.begin(), end, order.end(), [&](int64_t a, int64_t b) {
    return logits[size_t(a)] > logits[size_t(b)] || (logits[size_t(a)] == logits[size_t(b)] && a < b);
  });
  order.erase(end, order.end());
  return order;
}

void Predictions::add(const Batch& batch, const Tensor& logits, Queue queue) {
  const auto images = size_t(batch.size), classes = size_t(logits.numel()) / images;
  std::vector<float> rows(images * classes);
  std::vector<int32_t> labels(images);
  queue.run(kernel::copy_to_host, logits, static_cast<void*>(rows.data()));
  queue.run(kernel::copy_to_host, batch.labels, static_cast<void*>(labels.data()));
  for (size_t i = 0; i < images; ++i) {
    const std::span<const float> row(rows.data() + i * classes, classes);
    Prediction p{labels[i]};
    if (const auto best = rank_classes(row, 1); !best.empty()) {
      p.predicted = best[0];
      p.probability = probabilities(row)[size_t(best[0])];
    }
    all.push_back(p);
  }
}

std::vector<ClassScore> score_classes(std::span<const Prediction> predictions, size_t classes) {
  std::vector<ClassScore> scores(classes);
  for (const Prediction& p : predictions) {
    ++scores[size_t(p.truth)].images;
    scores[size_t(p.truth)].correct += p.predicted == p.truth;
  }
  return scores;
}

std::vector<int64_t> worst_predictions(std::span<const Prediction> predictions, size_t most) {
  std::vector<int64_t> wrong;
  for (size_t i = 0; i < predictions.size(); ++i)
    if (predictions[i].predicted >= 0 && predictions[i].predicted != predictions[i].truth) wrong.push_back(int64_t(i));
  const auto end = wrong.begin() + std::ptrdiff_t(std::min(most, wrong.size()));
  std::partial_sort(wrong.begin(), end, wrong.end(), [&](int64_t a, int64_t b) {
    const double p = predictions[size_t(a)].probability, q = predictions[size_t(b)].probability;
    return p > q || (p == q && a < b);
  });
  wrong.erase(end, wrong.end());
  return wrong;
}

}  // namespace skein
