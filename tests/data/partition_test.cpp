#include "data/loading/partition.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <vector>

#include "data/loading/dirichlet_part.h"
#include "data/loading/loader.h"
#include "tests/support/data_files.h"

namespace skein::testing {
namespace {

using Samples = std::vector<int32_t>;

// Labels 0 .. 9 in mixed order.
Samples labels_of(size_t n) {
  Samples labels(n);
  for (size_t i = 0; i < n; ++i) labels[i] = int32_t(i * 7 % 10);
  return labels;
}

Samples take(Partition partition, uint64_t seed, int64_t epoch, const Samples& labels, int64_t workers, int64_t rank) {
  Samples scratch(labels.size(), -1);
  const auto mine = samples_of(partition, seed, epoch, labels, workers, rank, scratch);
  return {mine.begin(), mine.end()};
}

Samples sorted(Samples samples) {
  std::sort(samples.begin(), samples.end());
  return samples;
}

constexpr Partition dirichlet(double alpha) { return {Partition::dirichlet, alpha}; }
constexpr Partition kAll[] = {Partition::global, Partition::fixed, Partition::sorted, dirichlet(0.3)};

TEST(Partition, StepsPerEpoch) {
  const int64_t table[][2] = {{1, 391}, {2, 196}, {4, 98}, {8, 49}, {16, 25}, {32, 13}};
  for (auto [workers, steps] : table) EXPECT_EQ(steps_per_epoch(50000, workers, 128), steps) << workers;
}

TEST(Partition, PartsAreDisjointContiguousAndEqual) {
  for (int64_t workers : {1, 2, 3, 7, 16}) {
    int64_t expected = 0;
    for (int64_t rank = 0; rank < workers; ++rank) {
      const SampleRange p = range_of_worker(1000, workers, rank);
      EXPECT_EQ(p.begin, expected);
      EXPECT_EQ(p.size(), 1000 / workers);
      expected = p.end;
    }
  }
}

TEST(Partition, PermutationIsOneAndDependsOnSeedAndEpoch) {
  std::vector<int32_t> a(1001), b(1001), sorted(1001);
  std::iota(sorted.begin(), sorted.end(), 0);
  epoch_permutation(5, 2, a);
  epoch_permutation(5, 2, b);
  EXPECT_EQ(a, b);
  epoch_permutation(5, 3, b);
  EXPECT_NE(a, b);
  epoch_permutation(6, 2, b);
  EXPECT_NE(a, b);
  EXPECT_NE(a, sorted);
  std::sort(a.begin(), a.end());
  EXPECT_EQ(a, sorted);
}

TEST(Partition, EveryOrderIsAsLikelyAsTheOthers) {
  std::map<std::vector<int32_t>, int> count;
  for (int64_t epoch = 0; epoch < 12000; ++epoch) {
    std::vector<int32_t> p(4);
    epoch_permutation(1, epoch, p);
    ++count[p];
  }
  EXPECT_EQ(count.size(), 24u);
  double chi2 = 0;
  for (const auto& [p, n] : count) chi2 += (n - 500.0) * (n - 500.0) / 500.0;
  EXPECT_LT(chi2, 49.7);  // 23 degrees of freedom, 0.1 %
}

TEST(PartitionOf, PartsAreDisjointAndEqual) {
  const Samples labels = labels_of(1003);
  for (Partition partition : kAll)
    for (int64_t workers : {1, 3, 16}) {
      std::set<int32_t> seen;
      for (int64_t rank = 0; rank < workers; ++rank)
        for (int32_t sample : take(partition, 1, 2, labels, workers, rank)) {
          EXPECT_TRUE(0 <= sample && sample < 1003);
          EXPECT_TRUE(seen.insert(sample).second) << sample << " came twice";
        }
      EXPECT_EQ(seen.size(), size_t(1003 / workers * workers));
    }
}

TEST(PartitionOf, GlobalIsTheEpochsPermutation) {
  Samples order(1003);
  epoch_permutation(5, 7, order);
  for (int64_t rank = 0; rank < 4; ++rank)
    EXPECT_EQ(take(Partition::global, 5, 7, labels_of(1003), 4, rank),
              Samples(order.begin() + rank * 250, order.begin() + (rank + 1) * 250));
}

TEST(PartitionOf, AllButGlobalKeepTheirSamplesInAnotherOrder) {
  const Samples labels = labels_of(1000);
  for (Partition partition : {Partition{Partition::fixed}, Partition{Partition::sorted}, dirichlet(0.3)}) {
    const Samples first = take(partition, 1, 0, labels, 4, 2), second = take(partition, 1, 1, labels, 4, 2);
    EXPECT_EQ(sorted(first), sorted(second));
    EXPECT_NE(first, second);
    EXPECT_NE(first, sorted(first));
    EXPECT_EQ(second, take(partition, 1, 1, labels, 4, 2)) << "a pure function";
    EXPECT_NE(first, take(partition, 2, 0, labels, 4, 2)) << "another seed, another order";
  }
  const Samples global = take(Partition::global, 1, 0, labels, 4, 2);
  EXPECT_NE(sorted(global), sorted(take(Partition::global, 1, 1, labels, 4, 2)));
  EXPECT_NE(sorted(take(Partition::fixed, 1, 0, labels, 4, 2)), sorted(take(Partition::fixed, 2, 0, labels, 4, 2)));
}

TEST(PartitionOf, WorkersOrderTheirPartsIndependently) {
  const Samples labels(1000, 0);  // sorted: worker r has samples [250 r, 250 (r + 1))
  const Samples a = take(Partition::sorted, 1, 0, labels, 4, 0);
  Samples b = take(Partition::sorted, 1, 0, labels, 4, 1);
  for (int32_t& sample : b) sample -= 250;
  EXPECT_EQ(sorted(a), sorted(b));
  EXPECT_NE(a, b);
}

TEST(PartitionOf, SortedGivesEveryWorkerItsLabels) {
  const Samples labels = labels_of(1000);
  for (int64_t rank = 0; rank < 5; ++rank)
    for (int32_t sample : take(Partition::sorted, 1, 0, labels, 5, rank))
      EXPECT_EQ(labels[size_t(sample)] / 2, rank) << "100 samples per label, two labels per worker";
}

TEST(PartitionOf, Names) {
  EXPECT_EQ(parse_partition("global"), Partition::global);
  EXPECT_EQ(parse_partition("fixed"), Partition::fixed);
  EXPECT_EQ(parse_partition("sorted"), Partition::sorted);
  EXPECT_EQ(parse_partition("dirichlet:0.3"), dirichlet(0.3));
  for (const char* text : {"random", "", "dirichlet", "dirichlet:", "dirichlet:0", "dirichlet:-1", "dirichlet:nan",
                           "dirichlet:inf", "dirichlet:1e7", "dirichlet:1,2", "sorted:1"})
    expect_error([&] { parse_partition(text); },
                 {fmt::format("--partition '{}'", text), "global, fixed, sorted or dirichlet:A", "1e-06"});
}

TEST(PartitionOf, TheLoaderFollowsIt) {
  const int64_t n = 43, workers = 3, batch = 4;
  Dataset set = allocate_dataset("mixed", n, 8, 8, 1);
  const Samples labels = labels_of(size_t(n));
  std::copy(labels.begin(), labels.end(), set.labels.as<int32_t>());
  std::fill_n(set.pixels().as<uint8_t>(), set.pixels().numel(), uint8_t{0});
  for (Partition partition : kAll)
    for (int64_t rank = 0; rank < workers; ++rank) {
      const auto loader =
          make_loader(set, {.batch = batch, .workers = workers, .rank = rank, .partition = partition, .seed = 9});
      for (int64_t epoch = 0; epoch < 3; ++epoch) {
        Samples expected, actual;
        for (int32_t sample : take(partition, 9, epoch, labels, workers, rank))
          expected.push_back(labels[size_t(sample)]);
        for (int64_t step = 0; step < loader->steps(); ++step) {
          const Batch& b = loader->next();
          actual.insert(actual.end(), b.labels.view().as<int32_t>(), b.labels.view().as<int32_t>() + b.size);
        }
        EXPECT_EQ(actual, expected) << "partition " << int(partition.form) << ", rank " << rank << ", epoch " << epoch;
      }
    }
}

std::vector<double> proportions(double alpha, uint64_t seed, int64_t rank, const std::vector<int64_t>& counts) {
  std::vector<double> q = dirichlet_weights(alpha, seed, rank, counts);
  double sum = 0;
  for (double& weight : q) sum += weight = std::exp(weight);
  for (double& weight : q) weight /= sum;
  return q;
}

// Dirichlet(a_1 ... a_C) with a_c = alpha C p_c: mean p_c, variance p_c (1 - p_c) / (alpha C + 1).
TEST(DirichletPart, ProportionsHaveTheMomentsOfTheDistribution) {
  const std::vector<int64_t> counts{300, 0, 100, 100};
  for (const double alpha : {0.1, 1.0, 10.0})
    for (size_t c = 0; c < counts.size(); ++c) {
      const int draws = 4000;
      double sum = 0, squares = 0;
      for (int i = 0; i < draws; ++i) {
        const double q = proportions(alpha, uint64_t(i / 4), i % 4, counts)[c];
        sum += q, squares += q * q;
      }
      const double p = double(counts[c]) / 500, variance = p * (1 - p) / (4 * alpha + 1);
      EXPECT_NEAR(sum / draws, p, 4 * std::sqrt(variance / draws)) << alpha << ", class " << c;
      EXPECT_NEAR(squares / draws - sum / draws * sum / draws, variance, 0.12 * variance) << alpha << ", class " << c;
    }
}

TEST(DirichletPart, WorkersAndSeedsDrawIndependently) {
  const std::vector<int64_t> counts(10, 100);
  EXPECT_EQ(proportions(1, 1, 0, counts), proportions(1, 1, 0, counts));
  EXPECT_NE(proportions(1, 1, 0, counts), proportions(1, 1, 1, counts));
  EXPECT_NE(proportions(1, 1, 0, counts), proportions(1, 2, 0, counts));
}

// Number of samples of each class among `samples`.
std::vector<int64_t> classes_of(const Samples& samples, const Samples& labels) {
  std::vector<int64_t> count(10, 0);
  for (int32_t sample : samples) ++count[size_t(labels[size_t(sample)])];
  return count;
}

// 40 workers with 100 samples each draw 10 classes: as long as no class runs out, by their own proportions.
TEST(DirichletPart, PartsFollowTheProportions) {
  const Samples labels = labels_of(4000);
  double own = 0, of_next = 0;  // mean total variation distance
  for (int64_t rank = 0; rank < 40; ++rank) {
    const std::vector<int64_t> part = classes_of(take(dirichlet(1), 3, 0, labels, 40, rank), labels);
    const auto distance = [&](int64_t of) {
      const std::vector<double> q = proportions(1, 3, of, std::vector<int64_t>(10, 400));
      double sum = 0;
      for (size_t c = 0; c < 10; ++c) sum += std::abs(double(part[c]) / 100 - q[c]) / 2;
      return sum;
    };
    own += distance(rank) / 40, of_next += distance((rank + 1) % 40) / 40;
  }
  EXPECT_LT(own, 0.15);
  EXPECT_GT(of_next, 0.3);
}

TEST(DirichletPart, LargeAlphaGivesAllClassesAndSmallAlphaOne) {
  const Samples labels = labels_of(1000);
  const auto largest = [&](double alpha) {  // mean over the workers of the largest class's share
    double sum = 0;
    for (int64_t rank = 0; rank < 20; ++rank) {
      const std::vector<int64_t> part = classes_of(take(dirichlet(alpha), 1, 0, labels, 20, rank), labels);
      sum += double(*std::max_element(part.begin(), part.end())) / 50 / 20;
    }
    return sum;
  };
  EXPECT_LT(largest(1e6), 0.25);
  EXPECT_GT(largest(1), 0.25);
  EXPECT_LT(largest(1), 0.7);
  EXPECT_GT(largest(1e-6), 0.7);
}

}  // namespace
}  // namespace skein::testing
