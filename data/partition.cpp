#include "data/partition.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "kernels/check.h"
#include "kernels/random.h"

namespace skein {
namespace {

constexpr int64_t kWholeRun = 0xffffffff;  // as an epoch: no run gets there

// Streams of different items never meet: 0 orders all samples, rank + 1 those of a worker.
void shuffle(uint64_t seed, int64_t epoch, uint32_t item, std::span<int32_t> samples) {
  RandomWords words{};
  for (size_t draw = 0, last = samples.size(); last-- > 1; ++draw) {
    if (draw % 4 == 0) words = random_words(seed, Purpose::permute, uint32_t(epoch), item, uint32_t(draw / 4));
    std::swap(samples[last], samples[bounded(words[int64_t(draw % 4)], uint32_t(last) + 1)]);
  }
}

// Not std::stable_sort, which takes memory every time.
void sort_by_label(std::span<const int32_t> labels, std::span<int32_t> samples) {
  std::iota(samples.begin(), samples.end(), 0);
  std::sort(samples.begin(), samples.end(),
            [&](int32_t a, int32_t b) { return std::pair(labels[size_t(a)], a) < std::pair(labels[size_t(b)], b); });
}

}  // namespace

Partition parse_partition(const std::string& name) {
  if (name == "global") return Partition::global;
  if (name == "fixed") return Partition::fixed;
  if (name == "sorted") return Partition::sorted;
  throw BadInput("partition '{}' is not known; give one of global, fixed, sorted", name);
}

void epoch_permutation(uint64_t seed, int64_t epoch, std::span<int32_t> out) {
  std::iota(out.begin(), out.end(), 0);
  shuffle(seed, epoch, 0, out);
}

Part part_of(int64_t n, int64_t workers, int64_t rank) {
  CHECK(workers >= 1 && rank >= 0 && rank < workers, "rank {} of {} workers", rank, workers);
  const int64_t size = n / workers;
  return {rank * size, (rank + 1) * size};
}

std::span<int32_t> samples_of(Partition partition, uint64_t seed, int64_t epoch, std::span<const int32_t> labels,
                              int64_t workers, int64_t rank, std::span<int32_t> scratch) {
  CHECK(scratch.size() == labels.size(), "room for {} samples, {} labels", scratch.size(), labels.size());
  if (partition == Partition::sorted)
    sort_by_label(labels, scratch);
  else
    epoch_permutation(seed, partition == Partition::global ? epoch : kWholeRun, scratch);
  const Part part = part_of(int64_t(labels.size()), workers, rank);
  const std::span<int32_t> mine = scratch.subspan(size_t(part.begin), size_t(part.size()));
  if (partition != Partition::global) shuffle(seed, epoch, uint32_t(rank) + 1, mine);
  return mine;
}

int64_t steps_per_epoch(int64_t n, int64_t workers, int64_t batch) {
  CHECK(batch >= 1, "batch is {}", batch);
  return (part_of(n, workers, 0).size() + batch - 1) / batch;
}

}  // namespace skein
