// The samples of an epoch that are not trained on yet, for rounds whose workers may be lost. A position is one of the
// epoch's permutation of all samples (epoch_permutation() in data/loading/partition.h). A round gives them out from
// the front; those of the workers whose models were merged are taken away, and the others are given out again. So every
// sample counts once per epoch, whatever is lost. Pure functions: every process computes the same.
#pragma once

#include <cstdint>
#include <vector>

#include "data/loading/partition.h"

namespace skein {

using SampleRanges = std::vector<SampleRange>;  // ascending, not empty, apart from each other

int64_t count(const SampleRanges& ranges);

struct SampleLedger {
  int64_t epoch = 0;
  SampleRanges left;  // positions that are not trained on yet

  static SampleLedger whole(int64_t epoch, int64_t samples) { return {epoch, {{0, samples}}}; }
  void take(const SampleRanges& trained);  // CHECK fails where they are not among those that are left
};

// Positions of each of `members` workers in the next round: the first min(members * most, count(left)) that are left,
// in order, cut into parts whose lengths differ by at most 1. Parts may be empty.
std::vector<SampleRanges> deal(const SampleLedger& ledger, int64_t members, int64_t most);

// The samples at these positions of the epoch's permutation of `samples` samples.
std::vector<int32_t> samples_at(const SampleRanges& positions, uint64_t seed, int64_t epoch, int64_t samples);

}  // namespace skein
