#include "data/loading/partition.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "data/loading/dirichlet_part.h"

namespace skein {
namespace {

constexpr int64_t kWholeRun = 0xffffffff;  // epoch number of the permutation that holds for the whole run
constexpr double kLeastAlpha = 1e-6, kMostAlpha = 1e6;

// Fisher-Yates shuffle. Item 0 of the random stream orders all samples, item rank + 1 those of a worker.
void shuffle(uint64_t seed, int64_t epoch, uint32_t item, std::span<int32_t> samples) {
  RandomWords words{};
  for (size_t draw = 0, last = samples.size(); last-- > 1; ++draw) {
    if (draw % 4 == 0) words = random_words(seed, Purpose::permute, uint32_t(epoch), item, uint32_t(draw / 4));
    std::swap(samples[last], samples[bounded(words[int64_t(draw % 4)], uint32_t(last) + 1)]);
  }
}

// Shuffles each window of samples by itself. Bit 31 of the item separates these random streams from those above.
void shuffle_windows(uint64_t seed, int64_t epoch, uint32_t item, int64_t window, std::span<int32_t> samples) {
  CHECK(window >= 1 && int64_t(samples.size()) / window < 1 << 16 && item < 1 << 15, "windows of {}", window);
  uint32_t number = 0x80000000 | item << 16;
  for (size_t begin = 0; begin < samples.size(); begin += size_t(window))
    shuffle(seed, epoch, number++, samples.subspan(begin, std::min(size_t(window), samples.size() - begin)));
}

// Concatenates the shards in a random order, the samples of each in stored order.
void chain_shards(uint64_t seed, int64_t epoch, std::span<const int64_t> shards, std::span<int32_t> out) {
  std::vector<int32_t> order(shards.size() - 1);
  std::iota(order.begin(), order.end(), 0);
  shuffle(seed, epoch, 0, order);
  auto to = out.begin();
  for (int32_t s : order)
    for (int64_t i = shards[size_t(s)]; i < shards[size_t(s) + 1]; ++i) *to++ = int32_t(i);
}

// std::sort on (label, index): std::stable_sort would allocate memory in every epoch.
void sort_by_label(std::span<const int32_t> labels, std::span<int32_t> samples) {
  std::iota(samples.begin(), samples.end(), 0);
  std::sort(samples.begin(), samples.end(),
            [&](int32_t a, int32_t b) { return std::pair(labels[size_t(a)], a) < std::pair(labels[size_t(b)], b); });
}

}  // namespace

Partition parse_partition(const std::string& text) {
  for (const auto& [name, form] :
       {std::pair{"global", Partition::global}, {"fixed", Partition::fixed}, {"sorted", Partition::sorted}})
    if (text == name) return form;
  const std::string prefix = "dirichlet:";
  if (text.starts_with(prefix)) {
    Partition partition{Partition::dirichlet};
    const char* end = text.data() + text.size();
    const auto [read, error] = std::from_chars(text.data() + prefix.size(), end, partition.alpha);
    if (error == std::errc() && read == end && partition.alpha >= kLeastAlpha && partition.alpha <= kMostAlpha)
      return partition;
  }
  throw BadInput("--partition '{}': is not known; give global, fixed, sorted or dirichlet:A with A from {} to {}", text,
                 kLeastAlpha, kMostAlpha);
}

void epoch_permutation(uint64_t seed, int64_t epoch, std::span<int32_t> out, const ShardLayout& layout) {
  if (!layout.boundaries.empty()) {
    CHECK(layout.boundaries.back() == int64_t(out.size()), "shards of {} samples", layout.boundaries.back());
    chain_shards(seed, epoch, layout.boundaries, out);
    return shuffle_windows(seed, epoch, 0, layout.window, out);
  }
  std::iota(out.begin(), out.end(), 0);
  shuffle(seed, epoch, 0, out);
}

SampleRange range_of_worker(int64_t n, int64_t workers, int64_t rank) {
  CHECK(workers >= 1 && rank >= 0 && rank < workers, "rank {} of {} workers", rank, workers);
  const int64_t size = n / workers;
  return {rank * size, (rank + 1) * size};
}

std::span<int32_t> samples_of(Partition partition, uint64_t seed, int64_t epoch, std::span<const int32_t> labels,
                              int64_t workers, int64_t rank, std::span<int32_t> scratch, const ShardLayout& layout) {
  CHECK(scratch.size() == labels.size(), "room for {} samples, {} labels", scratch.size(), labels.size());
  if (partition.form == Partition::sorted)
    sort_by_label(labels, scratch);
  else
    epoch_permutation(seed, partition.form == Partition::global ? epoch : kWholeRun, scratch, layout);
  const SampleRange range = range_of_worker(int64_t(labels.size()), workers, rank);
  const std::span<int32_t> mine = scratch.subspan(size_t(range.begin), size_t(range.size()));
  if (partition.form == Partition::dirichlet)
    std::ranges::copy(dirichlet_part(partition.alpha, seed, labels, scratch, workers, rank), mine.begin());
  if (partition.form == Partition::fixed && !layout.boundaries.empty())
    shuffle_windows(seed, epoch, uint32_t(rank) + 1, layout.window, mine);
  else if (partition.form != Partition::global)
    shuffle(seed, epoch, uint32_t(rank) + 1, mine);
  return mine;
}

int64_t steps_per_epoch(int64_t n, int64_t workers, int64_t batch) {
  CHECK(batch >= 1, "batch is {}", batch);
  return (range_of_worker(n, workers, 0).size() + batch - 1) / batch;
}

}  // namespace skein
