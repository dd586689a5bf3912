// Rounds of a compressor on ranks that are threads, and the check that error feedback loses nothing.
#pragma once

#include <gtest/gtest.h>

#include "local_sgd/compressor.h"
#include "tests/support/models_on_threads.h"

namespace skein::testing {

using Flat = std::vector<float>;
using Numbers = std::vector<double>;

using Make = std::function<std::unique_ptr<Compressor>(const ParameterStore&)>;
inline Make make_of(const std::string& name) {
  return [name](const ParameterStore& p) { return make_compressor(parse_compression(name), p, {}); };
}

struct Round {
  std::vector<Flat> means, memories;  // per rank
  Flat owned;                         // two-way: the owners' memories, one shard each
  int64_t bytes = 0;                  // that rank 0 sent
};

inline SignTies ties_of(int round, int rank) { return {uint64_t(round), uint32_t(rank)}; }

// Rounds, in each of which rank k is drift(k, round) away from the consensus; the result of the last one.
inline Round run(int size, const Make& make, int rounds = 1, int threads = 1) {
  Round out{std::vector<Flat>(size_t(size)), std::vector<Flat>(size_t(size)), {}, 0};
  on_ranks(
      size,
      [&](Communicator& ranks) {
        const auto consensus = small_store();
        const auto compressor = make(*consensus);
        for (int i = 0; i < rounds; ++i) {
          const auto value = small_store();
          drift(*value, ranks.rank(), i);
          const View mean = compressor->mean(consensus->value, value->value, ranks, ties_of(i, ranks.rank()));
          out.means[size_t(ranks.rank())].assign(mean.as<float>(), mean.as<float>() + mean.numel());
        }
        if (ranks.rank() == 0) out.bytes = ranks.traffic().bytes;
        const auto state = compressor->state();
        if (!state.empty()) out.memories[size_t(ranks.rank())] = state[0].tensor.to_vector();
        if (state.size() > 1) {
          ranks.all_reduce(state[1].tensor);
          if (ranks.rank() == 0) out.owned = state[1].tensor.to_vector();
        }
      },
      threads);
  return out;
}

// consensus - value of a rank in a round, as the compressor sees it.
inline Flat distance(int rank, int round) {
  const auto c = small_store(), w = small_store();
  drift(*w, rank, round);
  Flat d = c->value.to_vector();
  for (size_t i = 0; i < d.size(); ++i) d[i] -= w->value.host()[i];
  return d;
}

inline void expect_near(const Flat& actual, const Numbers& expected, double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) ASSERT_NEAR(actual[i], expected[i], tolerance) << i;
}

// The numbers that arrived and all memories, of ranks and of shards' owners, add up to what the ranks moved.
inline void expect_nothing_lost(const std::string& name, int size) {
  Numbers sent(distance(0, 0).size()), moved(sent.size());
  for (int rounds = 1; rounds <= 5; ++rounds) {
    const Round round = run(size, make_of(name), rounds);
    for (size_t i = 0; i < sent.size(); ++i) sent[i] += double(round.means[0][i]);
    for (int r = 0; r < size; ++r) {
      const Flat d = distance(r, rounds - 1);
      for (size_t i = 0; i < d.size(); ++i) moved[i] += double(d[i]) / size;
    }
    Numbers all = sent;
    for (const Flat& memory : round.memories)
      for (size_t i = 0; i < all.size(); ++i) all[i] += double(memory[i]) / size;
    for (size_t i = 0; i < round.owned.size(); ++i) all[i] += double(round.owned[i]);
    for (size_t i = 0; i < all.size(); ++i) ASSERT_NEAR(all[i], moved[i], 1e-7) << name << " round " << rounds;
  }
}

}  // namespace skein::testing
