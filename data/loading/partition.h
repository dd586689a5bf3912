// Partition of the training samples among K workers, as pure functions of (seed, epoch, rank).
//
// All n samples are put in one order, drawn from a seed that all workers share, and cut into K contiguous ranges of
// floor(n/K) samples. The remaining n mod K samples of that order are not used. The last batch of a worker may be
// short.
//   global   one permutation of all samples, drawn anew every epoch
//   fixed    one permutation of all samples for the whole run; every epoch each worker permutes its own range
//   sorted   samples ordered by label (equal labels in stored order), so that workers see different classes; then as
//            `fixed`
//   dirichlet:A   each worker has class proportions of its own, drawn with concentration A
//            (data/loading/dirichlet_part.h); then as `fixed`
// Permutations are Fisher-Yates shuffles with random words of Purpose::permute (base/random.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace skein {

// Shards of a dataset that must be read sequentially, and the size of the shuffle. `boundaries`: first sample of each
// shard in ascending order, then the number of samples; empty: random access is cheap. With shards, an epoch's order is
// a permutation of the shards followed by a permutation of the samples within each window of `window` samples, so that
// a reader needs at most a window's worth of shards at a time.
struct ShardLayout {
  std::span<const int64_t> boundaries = {};
  int64_t window = 16384;  // samples
};

// Positions [begin, end) in the common order.
struct SampleRange {
  int64_t begin = 0, end = 0;
  int64_t size() const { return end - begin; }
};

struct Partition {
  enum Form : uint8_t { global, fixed, sorted, dirichlet } form = global;
  double alpha = 0;  // concentration of dirichlet
  constexpr Partition(Form form = global, double alpha = 0) : form(form), alpha(alpha) {}
  bool operator==(const Partition&) const = default;
};
Partition parse_partition(const std::string& text);  // BadInput lists the forms

// Fills `out` with a permutation of 0 .. out.size()-1.
void epoch_permutation(uint64_t seed, int64_t epoch, std::span<int32_t> out, const ShardLayout& layout = {});

SampleRange range_of_worker(int64_t n, int64_t workers, int64_t rank);

// Samples of one worker in one epoch, in the order in which it trains on them. The result is a subspan of `scratch`,
// which must have as many elements as `labels`.
std::span<int32_t> samples_of(Partition, uint64_t seed, int64_t epoch, std::span<const int32_t> labels, int64_t workers,
                              int64_t rank, std::span<int32_t> scratch, const ShardLayout& layout = {});

// ceil(floor(n/workers) / batch)
int64_t steps_per_epoch(int64_t n, int64_t workers, int64_t batch);

}  // namespace skein
