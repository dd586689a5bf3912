// The wire format of pairs of texts.
#include "train/run/text_pairs.h"

#include <gtest/gtest.h>

#include "base/check.h"

namespace skein {
namespace {

TEST(TrainTextPairs, ComeBackInOrder) {
  const TextPairs pairs = {{"layer1.0.conv1", "winograd"}, {"a plan", "of two\nlines"}, {"empty", ""}, {"", ""}};
  EXPECT_EQ(from_wire(to_wire(pairs)), pairs);
  EXPECT_EQ(to_wire({{"a", "b"}}), std::string("a\0b\0", 4));
  EXPECT_TRUE(from_wire("").empty());
  for (const char* cut : {"no end", "x"}) EXPECT_THROW(from_wire(cut), RunFailed);
  EXPECT_THROW(from_wire(std::string("a\0b", 3)), RunFailed);
}

}  // namespace
}  // namespace skein
