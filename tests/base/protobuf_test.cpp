// Bytes that the documentation of the wire format gives as examples, https://protobuf.dev/programming-guides/encoding.
#include "base/formats/protobuf.h"

#include <gtest/gtest.h>

#include <limits>

namespace skein::testing {
namespace {

template <class Write>
std::string hex(Write write) {
  ProtobufWriter out;
  write(out);
  std::string text;
  for (const unsigned char c : out.bytes()) {
    constexpr char kDigits[] = "0123456789abcdef";
    if (!text.empty()) text += ' ';
    text += kDigits[c >> 4];
    text += kDigits[c & 15];
  }
  return text;
}

TEST(Protobuf, ExamplesOfTheDocumentation) {
  EXPECT_EQ(hex([](ProtobufWriter& o) { o.integer(1, 150); }), "08 96 01");
  EXPECT_EQ(hex([](ProtobufWriter& o) { o.integer(1, -2); }), "08 fe ff ff ff ff ff ff ff ff 01");
  EXPECT_EQ(hex([](ProtobufWriter& o) { o.text(2, "testing"); }), "12 07 74 65 73 74 69 6e 67");
  EXPECT_EQ(hex([](ProtobufWriter& o) { o.message(3, [&] { o.integer(1, 150); }); }), "1a 03 08 96 01");
  const int64_t numbers[] = {3, 270, 86942};
  EXPECT_EQ(hex([&](ProtobufWriter& o) { o.packed(6, numbers); }), "32 06 03 8e 02 9e a7 05");
}

TEST(Protobuf, Edges) {
  EXPECT_EQ(hex([](ProtobufWriter& o) { o.integer(16, 0); }), "80 01 00") << "tags are varints as well";
  EXPECT_EQ(hex([](ProtobufWriter& o) { o.integer(1, std::numeric_limits<int64_t>::max()); }),
            "08 ff ff ff ff ff ff ff ff 7f");
  EXPECT_EQ(hex([](ProtobufWriter& o) { o.real(1, 1.0f); }), "0d 00 00 80 3f");
  EXPECT_EQ(hex([](ProtobufWriter& o) { o.real(1, -2.0); }), "09 00 00 00 00 00 00 00 c0");
  EXPECT_EQ(hex([](ProtobufWriter& o) { o.text(1, std::string_view("\0\xff", 2)); }), "0a 02 00 ff");
  EXPECT_EQ(hex([](ProtobufWriter& o) { o.text(1, ""), o.message(2, [] {}), o.packed(3, std::span<const int64_t>{}); }),
            "0a 00 12 00 1a 00");
  const float halves[] = {0.5f, 1.0f};
  EXPECT_EQ(hex([&](ProtobufWriter& o) { o.packed(1, halves); }), "0a 08 00 00 00 3f 00 00 80 3f");
  const double one[] = {1.0};
  EXPECT_EQ(hex([&](ProtobufWriter& o) { o.packed(1, one); }), "0a 08 00 00 00 00 00 00 f0 3f");
}

TEST(Protobuf, NestedMessagesLongerThan127Bytes) {
  ProtobufWriter out;
  out.integer(1, 1);
  out.message(2, [&] { out.message(3, [&] { out.text(4, std::string(200, 'x')); }); });
  EXPECT_EQ(out.bytes(), std::string("\x08\x01\x12\xce\x01\x1a\xcb\x01\x22\xc8\x01", 11) + std::string(200, 'x'));
}

}  // namespace
}  // namespace skein::testing
