// CRC-32C of RFC 3720, section B.4, and records that are cut or damaged.
#include "base/formats/tf_record.h"

#include <gtest/gtest.h>

namespace skein::testing {
namespace {

TEST(TfRecord, ChecksumsOfTheStandard) {
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
}

TEST(TfRecord, TakesWholeRecordsOnly) {
  const std::string two = tf_record("first") + tf_record("second"), last = tf_record("x");
  std::string_view rest = two;
  EXPECT_EQ(take_tf_record(rest), "first");
  EXPECT_EQ(take_tf_record(rest), "second");
  EXPECT_TRUE(take_tf_record(rest).empty());
  for (size_t n = 0; n < last.size(); ++n) {
    std::string_view cut = std::string_view(last).substr(0, n);
    EXPECT_TRUE(take_tf_record(cut).empty());
    EXPECT_EQ(cut.size(), n);
    std::string damaged = last;
    damaged[n] = char(damaged[n] ^ 4);
    std::string_view bytes = damaged;
    EXPECT_TRUE(take_tf_record(bytes).empty()) << n;
  }
}

}  // namespace
}  // namespace skein::testing
