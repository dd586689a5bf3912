#include "data/loading/sample_ledger.h"

#include <algorithm>

#include "base/check.h"

namespace skein {
namespace {

// The elements [begin, end) of the positions that the ranges list one after the other.
SampleRanges part(const SampleRanges& ranges, int64_t begin, int64_t end) {
  SampleRanges out;
  int64_t before = 0;
  for (const SampleRange& r : ranges) {
    const int64_t from = std::max(begin - before, int64_t{0}), to = std::min(end - before, r.size());
    if (from < to) out.push_back({r.begin + from, r.begin + to});
    before += r.size();
  }
  return out;
}

}  // namespace

int64_t count(const SampleRanges& ranges) {
  int64_t sum = 0;
  for (const SampleRange& r : ranges) sum += r.size();
  return sum;
}

void SampleLedger::take(const SampleRanges& trained) {
  for (const SampleRange& t : trained) {
    const auto in = std::find_if(left.begin(), left.end(),
                                 [&](const SampleRange& r) { return r.begin <= t.begin && t.end <= r.end; });
    CHECK(in != left.end(), "positions {} to {} are not left", t.begin, t.end);
    const SampleRange before{in->begin, t.begin}, after{t.end, in->end};
    auto at = left.erase(in);
    if (after.size() > 0) at = left.insert(at, after);
    if (before.size() > 0) left.insert(at, before);
  }
}

std::vector<SampleRanges> deal(const SampleLedger& ledger, int64_t members, int64_t most) {
  CHECK(members >= 1 && most >= 1, "{} samples for each of {} members", most, members);
  const int64_t all = std::min(members * most, count(ledger.left));
  std::vector<SampleRanges> parts;
  for (int64_t i = 0; i < members; ++i) parts.push_back(part(ledger.left, all * i / members, all * (i + 1) / members));
  return parts;
}

std::vector<int32_t> samples_at(const SampleRanges& positions, uint64_t seed, int64_t epoch, int64_t samples) {
  std::vector<int32_t> order(static_cast<size_t>(samples)), out;
  epoch_permutation(seed, epoch, order);
  for (const SampleRange& r : positions) {
    CHECK(r.begin >= 0 && r.end <= samples, "positions {} to {} of {}", r.begin, r.end, samples);
    out.insert(out.end(), order.begin() + r.begin, order.begin() + r.end);
  }
  return out;
}

}  // namespace skein
