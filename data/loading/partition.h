// Who trains on what, as pure functions. All n samples are put in one order, from a seed that all workers share, and
// cut into K contiguous parts of floor(n/K); the remainder sits out. The last batch may be short.
//   global   one permutation of all samples every epoch
//   fixed    one permutation of all samples for the whole run; every epoch each worker permutes its own part
//   sorted   by label (samples of one label in their order), so that the parts are not alike; then as `fixed`
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/enum_names.h"

namespace skein {

// How samples lie in a storage that is slow to jump about in: `shards` are the first sample of each shard, and their
// number; empty: anywhere is as near. Orders then permute the shards, and all samples within windows of this many, so
// that storage is read from begin to end by windows.
struct Storage {
  std::span<const int64_t> shards = {};
  int64_t window = 16384;
};

struct Part {
  int64_t begin = 0, end = 0;
  int64_t size() const { return end - begin; }
};

enum class Partition : uint8_t { global, fixed, sorted };
constexpr auto names_of(Partition) { return std::array{"global", "fixed", "sorted"}; }

// Fills `out` with a permutation of 0 .. out.size()-1 (Fisher and Yates, Purpose::permute).
void epoch_permutation(uint64_t seed, int64_t epoch, std::span<int32_t> out, const Storage& storage = {});

Part part_of(int64_t n, int64_t workers, int64_t rank);

// The samples of one worker in one epoch, in its order: a part of `scratch`, which holds as many as there are labels.
std::span<int32_t> samples_of(Partition, uint64_t seed, int64_t epoch, std::span<const int32_t> labels, int64_t workers,
                              int64_t rank, std::span<int32_t> scratch, const Storage& storage = {});

// ceil(floor(n/workers) / batch)
int64_t steps_per_epoch(int64_t n, int64_t workers, int64_t batch);

}  // namespace skein
