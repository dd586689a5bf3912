// Who trains on what, as pure functions. Every epoch: one permutation of all n samples from a seed that all workers
// share, cut into K contiguous parts of floor(n/K); the remainder sits out that epoch. The last batch may be short.
#pragma once

#include <cstdint>
#include <span>

namespace skein {

struct Part {
  int64_t begin = 0, end = 0;
  int64_t size() const { return end - begin; }
};

// Fills `out` with a permutation of 0 .. out.size()-1 (Fisher and Yates, Purpose::permute).
void epoch_permutation(uint64_t seed, int64_t epoch, std::span<int32_t> out);

Part part_of(int64_t n, int64_t workers, int64_t rank);

// ceil(floor(n/workers) / batch)
int64_t steps_per_epoch(int64_t n, int64_t workers, int64_t batch);

}  // namespace skein
