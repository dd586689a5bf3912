// JSON value (RFC 8259), parser and writer; a wrapper of nlohmann/json whose header stays in json.cpp. Objects keep the
// order in which their keys were set. A number without a decimal point or exponent is a 64-bit integer, signed or
// unsigned; any other number is a double. Errors: JsonError.
//   Json line = {{"model", name}, {"shape", Json::array({3, 32})}, {"time", {{"ms", 1.5}}}};
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace skein {

// Invalid JSON text, a value of another type than requested, or a missing key or element.
class JsonError : public std::runtime_error {
 public:
  explicit JsonError(const std::string& what, size_t byte = 0) : std::runtime_error(what), byte(byte) {}
  size_t byte;  // position of the syntax error, counted from 1; 0: no syntax error
};

struct JsonItem;

class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::vector<JsonItem>;
  enum class BadUtf8 { refuse, replace };

  Json();  // null
  Json(std::same_as<bool> auto value) : value_(value) {}
  Json(int value);
  Json(int64_t value);
  Json(uint64_t value);
  Json(double value);
  Json(const char* value);
  Json(std::string value);
  Json(std::initializer_list<JsonItem> items);  // an object
  template <class T>
  Json(const std::vector<T>& values) : Json(array()) {
    for (const T& value : values) push_back(value);
  }
  static Json object();
  static Json array(std::initializer_list<Json> elements = {});

  Json(const Json&);
  Json(Json&&) noexcept;
  Json& operator=(const Json&);
  Json& operator=(Json&&) noexcept;
  ~Json();

  // Rejects duplicate keys and nesting deeper than 128 levels, with a JsonError.
  static Json parse(std::string_view text);
  // Writes on one line (indent < 0), or indented by `indent` spaces per level. NaN and infinities become null. Bytes of
  // a string that are not UTF-8: JsonError, or U+FFFD with BadUtf8::replace.
  std::string dump(int indent = -1, BadUtf8 bad = BadUtf8::refuse) const;

  // All of these throw JsonError for a value of another type. T: bool, int, int64_t, uint64_t, float, double,
  // std::string or a vector of int64_t, uint64_t, float or std::string. An integer must fit in T; a double converts to
  // an integer only if it is whole.
  template <class T>
  T get() const = delete;
  template <class T>
  void get_to(T& to) const {
    to = get<T>();
  }
  const Json& at(std::string_view key) const;  // JsonError if missing
  const Json& at(size_t index) const;          // JsonError if out of range
  const Array& elements() const;
  const Object& items() const;
  size_t size() const;                        // elements of an array, items of an object
  Json& operator[](std::string_view key);     // null becomes an object, a new key has the value null
  void push_back(Json element);               // null becomes an array
  void erase(std::string_view key);           // no effect if missing
  bool contains(std::string_view key) const;  // false unless this is an object with the key
  bool is_object() const;
  const char* type_name() const;  // null, boolean, number, string, array or object

  friend bool operator==(const Json& a, const Json& b) { return a.equals(b); }
  friend std::ostream& operator<<(std::ostream& to, const Json& value) { return value.print(to); }

 private:
  struct Text;  // reading and writing
  template <class T>
  T integer() const;
  bool equals(const Json& other) const;
  std::ostream& print(std::ostream& to) const;

  // Integers are uint64_t only above the range of int64_t, so that equal integers have the same type.
  std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string, Array, Object> value_;
};

struct JsonItem {
  std::string key;
  Json value;
  bool operator==(const JsonItem&) const = default;
};

template <>
bool Json::get<bool>() const;
template <>
int Json::get<int>() const;
template <>
int64_t Json::get<int64_t>() const;
template <>
uint64_t Json::get<uint64_t>() const;
template <>
float Json::get<float>() const;
template <>
double Json::get<double>() const;
template <>
std::string Json::get<std::string>() const;
template <>
std::vector<int64_t> Json::get<std::vector<int64_t>>() const;
template <>
std::vector<uint64_t> Json::get<std::vector<uint64_t>>() const;
template <>
std::vector<float> Json::get<std::vector<float>>() const;
template <>
std::vector<std::string> Json::get<std::vector<std::string>>() const;

}  // namespace skein
