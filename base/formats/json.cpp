#include "base/formats/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <ostream>
#include <type_traits>
#include <utility>

namespace skein {
namespace {

constexpr size_t kMaxDepth = 128;  // values are destroyed, copied and written recursively

// Indexed by the variant's alternative.
constexpr const char* kTypeNames[] = {"null", "boolean", "number", "number", "number", "string", "array", "object"};

template <class T>
auto& get_as(auto& value, const char* expected) {
  if (auto* v = std::get_if<T>(&value)) return *v;
  throw JsonError(fmt::format("type must be {}, but is {}", expected, kTypeNames[value.index()]));
}

auto find_item(auto& items, std::string_view key) {
  return std::find_if(items.begin(), items.end(), [key](const JsonItem& item) { return item.key == key; });
}

void check_keys(const Json::Object& items) {
  std::vector<std::string_view> keys;
  for (const JsonItem& item : items) keys.push_back(item.key);
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice != keys.end()) throw JsonError(fmt::format("key '{}' comes twice", *twice));
}

template <class T>
std::vector<T> vector_of(const Json& array) {
  std::vector<T> all;
  all.reserve(array.elements().size());
  for (const Json& element : array.elements()) all.push_back(element.get<T>());
  return all;
}

}  // namespace

struct Json::Text {
  using Library = nlohmann::ordered_json;
  class Reader;
  static Library to_library(const Json& j);
};

// Callbacks of the library's SAX parser. They build the value.
class Json::Text::Reader {
 public:
  Json take() { return std::move(root_); }

  bool null() { return add({}); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(int64_t value) { return add(value); }
  bool number_unsigned(uint64_t value) { return add(value); }
  bool number_float(double value, const std::string&) { return add(value); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(const Library::binary_t&) { return false; }  // not in text
  bool start_object(size_t) { return open(Json::object()); }
  bool start_array(size_t) { return open(Json::array()); }
  bool end_object() {
    check_keys(open_.back().items());
    return close();
  }
  bool end_array() { return close(); }
  bool key(std::string& key) {
    std::get<Object>(open_.back().value_).push_back({std::move(key), {}});
    return true;
  }
  bool parse_error(size_t byte, const std::string&, const Library::exception& e) {
    throw JsonError(e.what(), dynamic_cast<const Library::parse_error*>(&e) ? byte : 0);
  }

 private:
  bool add(Json value) {
    if (open_.empty())
      root_ = std::move(value);
    else if (Object* object = std::get_if<Object>(&open_.back().value_))
      object->back().value = std::move(value);
    else
      std::get<Array>(open_.back().value_).push_back(std::move(value));
    return true;
  }
  bool open(Json value) {
    if (open_.size() == kMaxDepth) throw JsonError(fmt::format("values are nested more than {} deep", kMaxDepth));
    open_.push_back(std::move(value));
    return true;
  }
  bool close() {
    Json value = std::move(open_.back());
    open_.pop_back();
    return add(std::move(value));
  }

  Json root_;
  std::vector<Json> open_;
};

Json::Text::Library Json::Text::to_library(const Json& j) {
  return std::visit(
      [](const auto& value) -> Library {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return nullptr;
        } else if constexpr (std::is_same_v<T, Array>) {
          Library array = Library::array();
          for (const Json& element : value) array.push_back(to_library(element));
          return array;
        } else if constexpr (std::is_same_v<T, Object>) {
          Library::object_t object;
          for (const auto& [key, item] : value) object.emplace_back(key, to_library(item));
          return object;
        } else {
          return value;
        }
      },
      j.value_);
}

Json Json::parse(std::string_view text) {
  Text::Reader reader;
  Text::Library::sax_parse(text.begin(), text.end(), &reader);
  return reader.take();
}

std::string Json::dump(int indent, BadUtf8 bad) const {
  using Handler = Text::Library::error_handler_t;
  try {
    return Text::to_library(*this).dump(indent, ' ', false,
                                        bad == BadUtf8::replace ? Handler::replace : Handler::strict);
  } catch (const Text::Library::exception& e) {
    throw JsonError(e.what());
  }
}

Json::Json() = default;
Json::Json(int value) : value_(int64_t(value)) {}
Json::Json(int64_t value) : value_(value) {}
Json::Json(uint64_t value) {
  if (std::in_range<int64_t>(value))
    value_ = int64_t(value);
  else
    value_ = value;
}
Json::Json(double value) : value_(value) {}
Json::Json(const char* value) : value_(std::string(value)) {}
Json::Json(std::string value) : value_(std::move(value)) {}
Json::Json(std::initializer_list<JsonItem> items) : Json(object()) {
  for (const auto& [key, value] : items) (*this)[key] = value;
}

Json Json::object() {
  Json result;
  result.value_ = Object();
  return result;
}

Json Json::array(std::initializer_list<Json> elements) {
  Json result;
  result.value_ = Array(elements);
  return result;
}

Json::Json(const Json&) = default;
Json::Json(Json&&) noexcept = default;
Json& Json::operator=(const Json&) = default;
Json& Json::operator=(Json&&) noexcept = default;
Json::~Json() = default;

template <class T>
T Json::integer() const {
  const auto* i = std::get_if<int64_t>(&value_);
  const auto* u = std::get_if<uint64_t>(&value_);
  const auto* d = std::get_if<double>(&value_);
  if (i && std::in_range<T>(*i)) return T(*i);
  if (u && std::in_range<T>(*u)) return T(*u);
  using Limits = std::numeric_limits<T>;
  if (d && *d >= double(Limits::min()) && *d < std::ldexp(1.0, Limits::digits) && *d == std::trunc(*d)) return T(*d);
  if (!i && !u && !d) get_as<int64_t>(value_, "number");
  throw JsonError(fmt::format("{} is not an integer from {} to {}", dump(), Limits::min(), Limits::max()));
}

template <>
bool Json::get() const {
  return get_as<bool>(value_, "boolean");
}
template <>
int Json::get() const {
  return integer<int>();
}
template <>
int64_t Json::get() const {
  return integer<int64_t>();
}
template <>
uint64_t Json::get() const {
  return integer<uint64_t>();
}
template <>
double Json::get() const {
  if (const auto* i = std::get_if<int64_t>(&value_)) return double(*i);
  if (const auto* u = std::get_if<uint64_t>(&value_)) return double(*u);
  return get_as<double>(value_, "number");
}
template <>
float Json::get() const {
  return float(get<double>());
}
template <>
std::string Json::get() const {
  return get_as<std::string>(value_, "string");
}
template <>
std::vector<int64_t> Json::get() const {
  return vector_of<int64_t>(*this);
}
template <>
std::vector<uint64_t> Json::get() const {
  return vector_of<uint64_t>(*this);
}
template <>
std::vector<float> Json::get() const {
  return vector_of<float>(*this);
}
template <>
std::vector<std::string> Json::get() const {
  return vector_of<std::string>(*this);
}

const Json& Json::at(std::string_view key) const {
  const auto found = find_item(items(), key);
  if (found == items().end()) throw JsonError(fmt::format("key '{}' not found", key));
  return found->value;
}

const Json& Json::at(size_t index) const {
  if (index >= elements().size()) throw JsonError(fmt::format("array index {} is out of range", index));
  return elements()[index];
}

const Json::Array& Json::elements() const { return get_as<Array>(value_, "array"); }
const Json::Object& Json::items() const { return get_as<Object>(value_, "object"); }

size_t Json::size() const {
  if (const auto* array = std::get_if<Array>(&value_)) return array->size();
  return get_as<Object>(value_, "array or object").size();
}

Json& Json::operator[](std::string_view key) {
  if (std::holds_alternative<std::monostate>(value_)) value_ = Object();
  Object& items = get_as<Object>(value_, "object");
  if (const auto found = find_item(items, key); found != items.end()) return found->value;
  return items.emplace_back(JsonItem{std::string(key), {}}).value;
}

void Json::push_back(Json element) {
  if (std::holds_alternative<std::monostate>(value_)) value_ = Array();
  get_as<Array>(value_, "array").push_back(std::move(element));
}

void Json::erase(std::string_view key) {
  Object& items = get_as<Object>(value_, "object");
  if (const auto found = find_item(items, key); found != items.end()) items.erase(found);
}

bool Json::contains(std::string_view key) const { return is_object() && find_item(items(), key) != items().end(); }
bool Json::is_object() const { return std::holds_alternative<Object>(value_); }
const char* Json::type_name() const { return kTypeNames[value_.index()]; }
bool Json::equals(const Json& other) const { return value_ == other.value_; }
std::ostream& Json::print(std::ostream& to) const { return to << dump(-1, BadUtf8::replace); }

}  // namespace skein
