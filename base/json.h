// A JSON value. Objects keep the order in which their keys were set. A number without a point is an integer of 64 bits,
// signed or unsigned; any other is a double.
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

// A text that is not JSON, a value of another kind than is asked for, a key or an element that is not there.
class JsonError : public std::runtime_error {
 public:
  explicit JsonError(const std::string& what, size_t byte = 0) : std::runtime_error(what), byte(byte) {}
  size_t byte;  // from 1, that is not JSON; 0: the text is not at fault
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

  // JsonError also for a key that comes twice, and for a value in more than 128 others.
  static Json parse(std::string_view text);
  // On one line, or indented by so many spaces. NaN and infinities become null. JsonError where bytes of a string that
  // are not UTF-8 are refused; replaced, they are U+FFFD.
  std::string dump(int indent = -1, BadUtf8 bad = BadUtf8::refuse) const;

  // All of these: JsonError for a value of another kind. T: bool, int, int64_t, uint64_t, float, double, std::string or
  // a vector of int64_t, uint64_t, float or std::string. An integer must fit in T; a double is one if it is whole.
  template <class T>
  T get() const = delete;
  template <class T>
  void get_to(T& to) const {
    to = get<T>();
  }
  const Json& at(std::string_view key) const;  // JsonError if it is not there
  const Json& at(size_t index) const;          // JsonError if it is not there
  const Array& elements() const;
  const Object& items() const;
  size_t size() const;                        // elements of an array, items of an object
  Json& operator[](std::string_view key);     // null becomes an object, a new key has the value null
  void push_back(Json element);               // null becomes an array
  void erase(std::string_view key);           // if it is there
  bool contains(std::string_view key) const;  // false for what is no object
  bool is_object() const;
  const char* type_name() const;  // null, boolean, number, string, array or object

  friend bool operator==(const Json& a, const Json& b) { return a.equals(b); }
  friend std::ostream& operator<<(std::ostream& to, const Json& value) { return value.print(to); }

 private:
  struct Text;  // from and to it
  template <class T>
  T integer() const;
  bool equals(const Json& other) const;
  std::ostream& print(std::ostream& to) const;

  // Integers are uint64_t only beyond int64_t, so that equal ones are of one type.
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
