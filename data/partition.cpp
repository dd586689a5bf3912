#include "data/partition.h"

#include <numeric>
#include <utility>

#include "kernels/check.h"
#include "kernels/random.h"

namespace skein {

void epoch_permutation(uint64_t seed, int64_t epoch, std::span<int32_t> out) {
  std::iota(out.begin(), out.end(), 0);
  RandomWords words{};
  for (size_t draw = 0, last = out.size(); last-- > 1; ++draw) {
    if (draw % 4 == 0) words = random_words(seed, Purpose::permute, uint32_t(epoch), 0, uint32_t(draw / 4));
    std::swap(out[last], out[bounded(words[int64_t(draw % 4)], uint32_t(last) + 1)]);
  }
}

Part part_of(int64_t n, int64_t workers, int64_t rank) {
  CHECK(workers >= 1 && rank >= 0 && rank < workers, "rank {} of {} workers", rank, workers);
  const int64_t size = n / workers;
  return {rank * size, (rank + 1) * size};
}

int64_t steps_per_epoch(int64_t n, int64_t workers, int64_t batch) {
  CHECK(batch >= 1, "batch is {}", batch);
  return (part_of(n, workers, 0).size() + batch - 1) / batch;
}

}  // namespace skein
