#include "data/loading/dirichlet_part.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "data/loading/gamma_draw.h"

namespace skein {
namespace {

constexpr double kNone = -std::numeric_limits<double>::infinity();
constexpr uint32_t kDraws =
    0xffffffff;  // in the counters of a worker's draws; those of its weights have the class there

// Draws classes by a worker's weights among those that have samples left.
class ClassDraw {
 public:
  ClassDraw(uint64_t seed, int64_t rank, std::vector<double> weights, std::span<const int64_t> left)
      : seed_(seed), rank_(uint32_t(rank)), weights_(std::move(weights)), sums_(weights_.size()) {
    leave_out_empty(left);
  }

  size_t next(std::span<const int64_t> left) {
    for (;;) {
      const size_t c = draw();
      if (left[c] > 0) return c;
      leave_out_empty(left);
    }
  }

 private:
  // Class c has the interval [sums_[c-1], sums_[c]), which is empty where no sample is left.
  void leave_out_empty(std::span<const int64_t> left) {
    double most = kNone, sum = 0;
    for (size_t c = 0; c < left.size(); ++c)
      if (left[c] > 0) most = std::max(most, weights_[c]);
    for (size_t c = 0; c < left.size(); ++c) sums_[c] = sum += left[c] > 0 ? std::exp(weights_[c] - most) : 0;
  }

  // A multiple of 2^-32 below 1, times the last sum, stays below that sum when it is rounded.
  size_t draw() {
    if (draws_ % 4 == 0) words_ = random_words(seed_, Purpose::partition, kDraws, rank_, draws_ / 4);
    const double point = double(words_[draws_++ % 4]) * 0x1p-32 * sums_.back();
    return size_t(std::upper_bound(sums_.begin(), sums_.end(), point) - sums_.begin());
  }

  uint64_t seed_;
  uint32_t rank_, draws_ = 0;
  std::vector<double> weights_, sums_;
  RandomWords words_{};
};

}  // namespace

std::vector<double> dirichlet_weights(double alpha, uint64_t seed, int64_t rank, std::span<const int64_t> counts) {
  const double mean =
      double(std::accumulate(counts.begin(), counts.end(), int64_t{0})) / double(counts.size());  // samples of a class
  std::vector<double> weights(counts.size(), kNone);
  for (size_t c = 0; c < counts.size(); ++c) {
    const auto words = [&](uint32_t block) {
      return random_words(seed, Purpose::partition, uint32_t(c), uint32_t(rank), block);
    };
    uint32_t block = 0;
    if (counts[c] > 0) weights[c] = log_gamma_draw(alpha * double(counts[c]) / mean, words, block);
  }
  return weights;
}

std::vector<int32_t> dirichlet_part(double alpha, uint64_t seed, std::span<const int32_t> labels,
                                    std::span<const int32_t> order, int64_t workers, int64_t rank) {
  if (labels.empty()) return {};
  std::vector<int64_t> left(size_t(*std::max_element(labels.begin(), labels.end())) + 1, 0);
  for (int32_t label : labels) ++left[size_t(label)];
  std::vector<int32_t> by_class(order.begin(), order.end());
  std::stable_sort(by_class.begin(), by_class.end(),
                   [&](int32_t a, int32_t b) { return labels[size_t(a)] < labels[size_t(b)]; });
  std::vector<size_t> next(left.size(), 0);  // of each class, in by_class
  std::partial_sum(left.begin(), left.end() - 1, next.begin() + 1);

  std::vector<ClassDraw> draws;
  for (int64_t k = 0; k < workers; ++k) draws.emplace_back(seed, k, dirichlet_weights(alpha, seed, k, left), left);
  std::vector<int32_t> mine;
  for (int64_t turn = 0; turn < int64_t(labels.size()) / workers; ++turn)
    for (int64_t k = 0; k < workers; ++k) {
      const size_t c = draws[size_t(k)].next(left);
      const int32_t sample = by_class[next[c]++];
      --left[c];
      if (k == rank) mine.push_back(sample);
    }
  return mine;
}

}  // namespace skein
