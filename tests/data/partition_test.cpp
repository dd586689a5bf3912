#include "data/loading/partition.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <vector>

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

constexpr Partition kAll[] = {Partition::global, Partition::fixed, Partition::sorted};

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

TEST(PartitionOf, FixedAndSortedKeepTheirSamplesInAnotherOrder) {
  const Samples labels = labels_of(1000);
  for (Partition partition : {Partition::fixed, Partition::sorted}) {
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
  EXPECT_EQ(value_named<Partition>("global"), Partition::global);
  EXPECT_EQ(value_named<Partition>("fixed"), Partition::fixed);
  EXPECT_EQ(value_named<Partition>("sorted"), Partition::sorted);
  EXPECT_EQ(value_named<Partition>("random"), std::nullopt);
  EXPECT_EQ(to_string(Partition::sorted), "sorted");
}

TEST(PartitionOf, TheLoaderFollowsIt) {
  const int64_t n = 43, workers = 3, batch = 4;
  Dataset set = allocate_dataset("mixed", n, 8, 8, 1);
  const Samples labels = labels_of(size_t(n));
  std::copy(labels.begin(), labels.end(), set.labels.as<int32_t>());
  std::fill_n(set.images.as<uint8_t>(), set.images.numel(), uint8_t{0});
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
        EXPECT_EQ(actual, expected) << "partition " << int(partition) << ", rank " << rank << ", epoch " << epoch;
      }
    }
}

}  // namespace
}  // namespace skein::testing
