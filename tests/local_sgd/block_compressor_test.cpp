// Compression by blocks (q8, q4, q2, topk): means against plain loops in double, routes that agree to the bit, error
// feedback, what is left out, bytes, numbers that are none, names.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/check.h"
#include "kernels/reference/quantise.h"
#include "kernels/reference/top_k.h"
#include "local_sgd/averaging_traffic.h"
#include "models/model.h"
#include "tests/support/compressor_rounds.h"
#include "tests/support/data_files.h"

namespace skein::testing {
namespace {

const std::vector<std::string> kForms = {"q8", "q4", "q2:block=96", "topk:0.02"};

Make routed(const std::string& name, Collective collective) {
  return [=](const ParameterStore& p) {
    Compression c = parse_compression(name);
    c.options.collective = collective;
    return make_compressor(c, p, {});
  };
}

Numbers decoded(const std::string& name, const Numbers& d) {
  const Compression c = parse_compression(name);
  return c.form == Compression::top_k ? reference::Largest{c.top}.decoded(d)
                                      : reference::Quantised{c.quantiser}.decoded(d);
}

TEST(BlockCompressor, MatchesPlainLoops) {
  for (const std::string& form : kForms)
    for (const int size : {1, 3}) {
      Numbers mean(distance(0, 0).size());
      for (int r = 0; r < size; ++r) {
        const Flat d = distance(r, 0);
        const Numbers one = decoded(form, {d.begin(), d.end()});
        for (size_t i = 0; i < mean.size(); ++i) mean[i] += one[i] / size;
      }
      SCOPED_TRACE(form);
      expect_near(run(size, make_of(form)).means[0], mean, 1e-8);
      Numbers again(mean.size());  // the mean as f32, as its owner compresses it
      for (size_t i = 0; i < mean.size(); ++i) again[i] = double(float(mean[i]));
      if (size == 1) expect_near(run(1, make_of(form + ":two-way")).means[0], decoded(form, again), 1e-8);
    }
}

TEST(BlockCompressor, RoutesRanksThreadsAndRepeatsGiveTheSameBits) {
  for (const std::string& form : kForms)
    for (const int size : {2, 3, 6}) {
      const Round gathered = run(size, routed("ef-" + form, Collective::all_gather), 3);
      for (const int threads : {1, 3}) {
        const Round other = run(size, routed("ef-" + form, Collective::all_to_all), 3, threads);
        for (const Flat& mean : other.means) EXPECT_TRUE(same_bits(mean, gathered.means[0])) << form << size;
        EXPECT_TRUE(other.memories == gathered.memories);
      }
      const Round both = run(size, make_of("ef-" + form + ":two-way"), 3),
                  again = run(size, make_of("ef-" + form + ":two-way"), 3, 2);
      for (const Flat& mean : again.means) EXPECT_TRUE(same_bits(mean, both.means[0])) << form << size;
      EXPECT_TRUE(same_bits(again.owned, both.owned));
    }
}

TEST(BlockCompressor, TheCheaperRouteIsTaken) {
  const auto bytes = [](int size, Collective collective) { return run(size, routed("q8:block=32", collective)).bytes; };
  for (const int size : {4, 5, 6})  // 9 bits per number: from 5 ranks on shards and f32 are less
    EXPECT_EQ(bytes(size, Collective::cheapest),
              std::min(bytes(size, Collective::all_gather), bytes(size, Collective::all_to_all)))
        << size;
}

TEST(BlockCompressor, ErrorFeedbackLosesNothing) {
  for (const std::string& form : kForms)
    for (const char* way : {"", ":two-way"}) expect_nothing_lost("ef-" + form + way, 3);
}

TEST(BlockCompressor, PaddingStaysZero) {
  const auto p = small_store();
  for (const std::string& form : kForms)
    for (const char* way : {"", ":two-way"}) {
      const Round round = run(3, make_of("ef-" + form + way), 2);
      EXPECT_EQ(largest_in_padding(*p, round.means[0]), 0) << form;
      EXPECT_EQ(largest_in_padding(*p, round.memories[0]), 0) << form;
    }
}

// One rank's differences, normal but for zeros: what is left out of them, against its deviation if it were drawn.
TEST(BlockCompressor, WhatIsLeftOutIsSmallAndHasNoBias) {
  const Flat d = distance(0, 0);
  const auto left = [&](const std::string& name) {
    const Flat mean = run(1, make_of(name)).means[0];
    double sum = 0, squares = 0, all = 0;
    for (size_t i = 0; i < d.size(); ++i) {
      const double e = double(d[i]) - double(mean[i]);
      sum += e, squares += e * e, all += double(d[i]) * double(d[i]);
    }
    EXPECT_LT(std::abs(sum), 3 * std::sqrt(squares)) << name;  // rounding towards zero or down: about 50
    return squares / all;
  };
  EXPECT_LT(left("q8"), 1e-4);
  EXPECT_NEAR(left("q4"), 0.014, 0.004);
  EXPECT_NEAR(left("q2"), 0.19, 0.02);
  EXPECT_NEAR(left("topk:0.1"), 0.49, 0.02);  // 410 of 4096, twice, and 410 of the last 1472; a sixteenth is zero
}

// A number that is none is never replaced by one, on any way.
TEST(Compressor, NotANumberArrives) {
  for (const std::string& name : compression_names())
    for (const float wrong : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
      on_ranks(2, [&](Communicator& ranks) {
        const Compression c = parse_compression(name);
        if (c.form == Compression::none) return;
        const auto consensus = small_store(), value = small_store();
        drift(*value, ranks.rank(), 0);
        const int64_t at = value->segments()[3].begin + 4500;
        if (ranks.rank() == 1) value->value.host()[at] = wrong;
        const auto compressor = make_compressor(c, *consensus, {});
        const View mean = compressor->mean(consensus->value, value->value, ranks, {});
        EXPECT_FALSE(std::isfinite(mean.as<float>()[at])) << name << " " << wrong;
        if (c.form == Compression::sign) return;
        EXPECT_TRUE(std::isfinite(mean.as<float>()[value->segments()[3].begin])) << name << ": another block";
      });
}

TEST(BlockCompressor, ResNet20SendsFewBytes) {
  ParameterStore p;
  const auto model = make_model("resnet20", {}, p);
  p.plan();
  const auto sent = [&](const char* name) { return averaging_traffic(parse_compression(name), p, 2).bytes; };
  // 273664 numbers with their padding: 1069 blocks of 256, 67 of 4096.
  EXPECT_EQ(sent("q8"), 1069 * (256 + 4));
  EXPECT_EQ(sent("q4"), 1069 * (128 + 4));
  EXPECT_EQ(sent("ef-q2"), 1069 * (64 + 4));
  EXPECT_EQ(sent("q2:block=1024"), 268 * (256 + 4));
  EXPECT_EQ(sent("topk:0.01"), 67 * (41 * 4 + 64));    // 41 of 4096, as f32 and 12 bits
  EXPECT_EQ(sent("q4:two-way"), 2 * 535 * (128 + 4));  // the shard of the other one, and back
  EXPECT_EQ(sent("topk:0.01:two-way"), 2 * 34 * (41 * 4 + 64));
}

TEST(BlockCompressor, NamesAreReadOrTheFaultIsNamed) {
  const Compression c = parse_compression("ef-q4:block=64:two-way"), top = parse_compression("topk:0.5");
  EXPECT_EQ(c.quantiser, (Quantiser{4, 64}));
  EXPECT_TRUE(c.options.error_feedback && c.options.two_way);
  EXPECT_EQ(top.top, TopK{2048});
  EXPECT_FALSE(top.options.error_feedback || top.options.two_way);
  for (const char* name :
       {"q3", "ef-none", "q8:two-ways", "q8:two-way:block=64", "topk", "topk:two-way", "two-way", ""})
    expect_error([&] { parse_compression(name); }, {"'" + std::string(name) + "'", "q8:block=N", "topk:F", "two-way"});
  for (const char* fraction : {"0", "-0.1", "1.01", "nan", "1e-2x", "a", ""})
    expect_error([&] { parse_compression("ef-topk:" + std::string(fraction)); },
                 {"'" + std::string(fraction) + "' is not a fraction", "topk:0.01"});
  expect_error([] { parse_compression("topk:0.0001"); }, {"0.0001 is none", "at least topk:0.00024"});
  for (const char* size : {"0", "48", "8192", "-32", "x", ""})
    expect_error([&] { parse_compression("q8:block=" + std::string(size)); },
                 {"block=" + std::string(size) + " is not a multiple of 32", "4096"});
}

}  // namespace
}  // namespace skein::testing
