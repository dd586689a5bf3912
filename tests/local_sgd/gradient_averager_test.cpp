// The mean of gradients: the same bits in buckets of any size, in any order of the backward pass, and without.
#include "local_sgd/gradient_averager.h"

#include <gtest/gtest.h>

#include "tests/support/models_on_threads.h"

namespace skein::testing {
namespace {

std::vector<float> mean_gradient(int64_t bucket_bytes, size_t announced) {
  std::vector<float> result;
  on_ranks(3, [&](Communicator& ranks) {
    const auto p = small_store();
    std::vector<Var> parameters;  // as models hold them: views of the flat gradient
    for (const Segment& s : p->segments()) {
      parameters.push_back(std::make_shared<Variable>());
      parameters.back()->grad = p->grad.slice(s.begin, {s.count});
    }
    GradientAverager averager(*p, ranks, bucket_bytes);
    for (int step = 0; step < 3; ++step) {
      for (const Segment& s : p->segments())
        for (int64_t i = s.begin; i < s.begin + s.count; ++i)
          p->grad.host()[i] = 1.0f / float(3 + i + 100 * ranks.rank() + step);
      for (size_t i = parameters.size(); i-- > parameters.size() - announced;) averager.ready(*parameters[i]);
      averager.finish();
    }
    if (ranks.rank() == 1) result = p->grad.to_vector();
  });
  return result;
}

TEST(GradientAverager, BucketsChangeNothing) {
  const std::vector<float> whole = mean_gradient(0, 7);
  EXPECT_FLOAT_EQ(whole[0], (1.0f / 5 + 1.0f / 105 + 1.0f / 205) / 3);
  for (const int64_t bytes : {1, 1000, 30000, 1 << 30}) EXPECT_TRUE(same_bits(mean_gradient(bytes, 7), whole)) << bytes;
}

TEST(GradientAverager, ParametersWithoutAPartInTheStepAreAveragedAtTheEnd) {
  EXPECT_TRUE(same_bits(mean_gradient(1000, 4), mean_gradient(0, 0)));
}

TEST(GradientAverager, NothingHappensOnOneRank) {
  on_ranks(1, [](Communicator& alone) {
    const auto p = small_store();
    p->grad.host()[0] = 0.1f;
    GradientAverager averager(*p, alone, 1);
    EXPECT_FALSE(averager.overlaps());
    averager.finish();
    EXPECT_EQ(p->grad.host()[0], 0.1f);
    EXPECT_EQ(alone.traffic().bytes, 0);
  });
}

TEST(GradientAverager, ALostPeerIsTheCallersError) {
  EXPECT_THROW(on_ranks(2,
                        [](Communicator& ranks) {
                          if (ranks.rank() == 0) return;  // leaves
                          const auto p = small_store();
                          GradientAverager(*p, ranks, 1000).finish();
                        }),
               PeerLost);
}

}  // namespace
}  // namespace skein::testing
