#include "base/formats/json.h"

#include <cmath>
#include <limits>

#include "tests/support/data_files.h"

namespace skein::testing {
namespace {

constexpr int64_t kLeast = std::numeric_limits<int64_t>::min(), kMost = std::numeric_limits<int64_t>::max();
constexpr uint64_t kMostUnsigned = std::numeric_limits<uint64_t>::max();

void expect_json_error(const std::function<void()>& f, const std::string& part) { expect_error<JsonError>(f, {part}); }

// Checks the text of a value and that parsing it gives the value again.
template <class T>
void expect_number(T value, const std::string& text) {
  EXPECT_EQ(Json(value).dump(), text);
  EXPECT_EQ(Json::parse(text).get<T>(), value) << text;
}

TEST(Json, WritesEveryTypeInTheOrderOfItsKeys) {
  const std::string name = "skein";
  Json j = {{"name", name},
            {"id", 7},
            {"good", true},
            {"none", Json()},
            {"time", {{"ms", 1.5}, {"long", size_t{1} << 40}}},
            {"shape", std::vector<int64_t>{3, 32}},
            {"mixed", Json::array({"a", -1, Json::array(), Json::object()})}};
  j["last"] = "x";
  j["id"] = 8;
  j.erase("good");
  j.erase("absent");
  const std::string text =
      R"({"name":"skein","id":8,"none":null,"time":{"ms":1.5,"long":1099511627776},"shape":[3,32],)"
      R"("mixed":["a",-1,[],{}],"last":"x"})";
  EXPECT_EQ(j.dump(), text);
  EXPECT_EQ(Json::parse(text), j);
  EXPECT_EQ(Json::parse(j.dump(2)), j);
  EXPECT_EQ(Json({{"a", Json::array({1})}}).dump(1), "{\n \"a\": [\n  1\n ]\n}");
}

TEST(Json, GrowsFromNull) {
  Json list, object;
  list.push_back(1);
  list.push_back({{"a", "b"}});
  object["x"]["y"] = 2;
  EXPECT_EQ(list.dump(), R"([1,{"a":"b"}])");
  EXPECT_EQ(object.dump(), R"({"x":{"y":2}})");
  EXPECT_EQ(Json().dump(), "null");
  EXPECT_EQ(Json::object().dump(), "{}");
  EXPECT_EQ(Json::array().size(), 0u);
}

TEST(Json, Values) {
  const Json j = Json::parse(R"( {"b": true, "i": 3, "d": 2.5, "s": "x", "n": null, "a": [1, 2], "t": ["x", "y"]} )");
  EXPECT_EQ(j.at("b").get<bool>(), true);
  EXPECT_EQ(j.at("i").get<int>(), 3);
  EXPECT_EQ(j.at("i").get<double>(), 3.0);
  EXPECT_EQ(j.at("d").get<float>(), 2.5f);
  EXPECT_EQ(j.at("s").get<std::string>(), "x");
  EXPECT_EQ(j.at("a").at(1), 2);
  EXPECT_EQ(j.at("a").get<std::vector<int64_t>>(), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(j.at("a").get<std::vector<uint64_t>>(), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(j.at("a").get<std::vector<float>>(), (std::vector<float>{1, 2}));
  EXPECT_EQ(j.at("t").get<std::vector<std::string>>(), (std::vector<std::string>{"x", "y"}));
  EXPECT_TRUE(j.is_object() && j.contains("n") && !j.contains("m") && !j.at("s").contains("n"));
  EXPECT_EQ(j.size(), 7u);
  std::string keys, types;
  for (const auto& [key, value] : j.items()) keys += key, types += std::string(value.type_name()) + " ";
  EXPECT_EQ(keys, "bidsnat");
  EXPECT_EQ(types, "boolean number number string null array array ");
  int64_t sum = 0;
  for (const Json& element : j.at("a").elements()) sum += element.get<int64_t>();
  EXPECT_EQ(sum, 3);
}

TEST(Json, NumbersToTheBit) {
  expect_number(kLeast, "-9223372036854775808");
  expect_number(kMost, "9223372036854775807");
  expect_number(uint64_t(kMost) + 1, "9223372036854775808");
  expect_number(kMostUnsigned, "18446744073709551615");
  expect_number(0.1, "0.1");
  expect_number(1e300, "1e+300");
  expect_number(1.0, "1.0");
  expect_number(-0.0, "-0.0");
  expect_number(std::nextafter(1.0, 2.0), "1.0000000000000002");
  expect_number(std::numeric_limits<double>::denorm_min(), "5e-324");
  EXPECT_EQ(Json(0.1f).dump(), "0.10000000149011612");
  EXPECT_EQ(Json::parse("0.10000000149011612").get<float>(), 0.1f);
  EXPECT_EQ(Json(std::vector<float>{0.25f, 3.0f}).dump(), "[0.25,3.0]");
  EXPECT_TRUE(std::signbit(Json::parse("-0.0").get<double>()));
  EXPECT_EQ(Json(uint64_t{5}), Json(5));
  EXPECT_EQ(Json(std::nan("")).dump(), "null");
  EXPECT_EQ(Json(-std::numeric_limits<double>::infinity()).dump(), "null");
}

TEST(Json, IntegersThatDoNotFit) {
  EXPECT_EQ(Json::parse("3e2").get<int>(), 300);
  expect_json_error([] { Json::parse("1.5").get<int64_t>(); }, "1.5 is not an integer from");
  expect_json_error([] { Json(kMost).get<int>(); }, "9223372036854775807 is not an integer from -2147483648 to");
  expect_json_error([] { Json(kMostUnsigned).get<int64_t>(); }, "18446744073709551615");
  expect_json_error([] { Json(-1).get<uint64_t>(); }, "-1 is not an integer from 0");
  for (const char* text : {"9223372036854775808.0", "1e19", "-1e19", "18446744073709551616"})
    expect_json_error([&] { Json::parse(text).get<int64_t>(); }, "is not an integer");
  expect_json_error([] { Json::parse("18446744073709551616").get<uint64_t>(); }, "is not an integer");
  EXPECT_EQ(Json::parse("-9223372036854775808.0").get<int64_t>(), kLeast);
  expect_json_error([] { Json::parse("1e999"); }, "number overflow parsing '1e999'");
}

TEST(Json, EscapesAndUnicode) {
  const std::string text = "a\"b\\c/\b\f\n\r\t\x01 \xc3\xa4 \xf0\x9f\x98\x80";
  const std::string written = R"("a\"b\\c/\b\f\n\r\t\u0001 )"
                              "\xc3\xa4 \xf0\x9f\x98\x80\"";
  EXPECT_EQ(Json(text).dump(), written);
  EXPECT_EQ(Json::parse(written).get<std::string>(), text);
  EXPECT_EQ(Json::parse(R"("\u00e4\ud83d\ude00\u0000\/")").get<std::string>(),
            std::string("\xc3\xa4\xf0\x9f\x98\x80\0/", 8));
  EXPECT_EQ(Json::parse(R"({"\u00e4":1})").at("\xc3\xa4"), 1);
  const Json bad = "a\xff";
  expect_json_error([&] { bad.dump(); }, "invalid UTF-8 byte");
  EXPECT_EQ(bad.dump(-1, Json::BadUtf8::replace), "\"a\xef\xbf\xbd\"");
  expect_json_error([] { Json::parse("\"a\xff\""); }, "ill-formed UTF-8 byte");
}

TEST(Json, TextsThatAreNotJson) {
  for (const char* text :
       {"", " ", "{", "[1,", "{\"a\"", "{\"a\":1", "\"a", "tru", "01", "1 2", "[1,]", "{a:1}", "NaN"})
    EXPECT_THROW(Json::parse(text), JsonError) << text;
  try {
    Json::parse("[1, 2");
    FAIL();
  } catch (const JsonError& e) {
    EXPECT_EQ(e.byte, 6u);
    EXPECT_NE(std::string(e.what()).find("parse error at line 1, column 6"), std::string::npos) << e.what();
  }
  expect_json_error([] { Json::parse(R"({"a": 1, "b": 2, "a": 3})"); }, "key 'a' comes twice");
  const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(Json::parse(nested(128)).dump(), nested(128));
  expect_json_error([&] { Json::parse(nested(129)); }, "nested more than 128 deep");
}

TEST(Json, WhatIsNotThereOrOfAnotherType) {
  Json j = {{"a", Json::array({1})}, {"s", "x"}};
  expect_json_error([&] { j.at("b"); }, "key 'b' not found");
  expect_json_error([&] { j.at("a").at(1); }, "array index 1 is out of range");
  expect_json_error([&] { j.at("a").at("x"); }, "type must be object, but is array");
  expect_json_error([&] { j.at(0); }, "type must be array, but is object");
  expect_json_error([&] { j.at("s").get<double>(); }, "type must be number, but is string");
  expect_json_error([&] { j.at("s").get<int>(); }, "type must be number, but is string");
  expect_json_error([&] { j.at("a").get<std::vector<std::string>>(); }, "type must be string, but is number");
  expect_json_error([&] { j.at("a").get<std::string>(); }, "type must be string, but is array");
  expect_json_error([] { Json().get<bool>(); }, "type must be boolean, but is null");
  expect_json_error([] { Json(true).get<int>(); }, "type must be number, but is boolean");
  expect_json_error([&] { j.at("s").size(); }, "type must be array or object, but is string");
  expect_json_error([&] { j["s"]["t"] = 1; }, "type must be object, but is string");
  expect_json_error([&] { j.push_back(1); }, "type must be array, but is object");
}

}  // namespace
}  // namespace skein::testing
