// Names of files and numbers of things as text for messages.
#include "base/terminal/printable.h"

#include <gtest/gtest.h>

namespace skein::testing {
namespace {

TEST(Printable, KeepsUtf8AndEscapesTheRest) {
  for (const std::string text : {"", "cat", "caf\xc3\xa9", "\xe7\x8c\xab", "\xf0\x9f\x90\x88 x"})
    EXPECT_EQ(printable(text), text);
  EXPECT_EQ(printable("caf\xe9"), "caf\\xe9");
  EXPECT_EQ(printable("a\nb\x7f"), "a\\x0ab\\x7f");
  EXPECT_EQ(printable("\xe7\x8c"), "\\xe7\\x8c");                             // cut short
  EXPECT_EQ(printable("\xc0\xaf\xed\xa0\x80"), "\\xc0\\xaf\\xed\\xa0\\x80");  // too long; a surrogate
}

TEST(Counted, HasAnSUnlessItIsOne) {
  EXPECT_EQ(counted(1, "epoch"), "1 epoch");
  EXPECT_EQ(counted(0, "epoch") + ", " + counted(12, "run"), "0 epochs, 12 runs");
}

}  // namespace
}  // namespace skein::testing
