// C++20 that libstdc++ 10 lacks and skein uses, so that g++ 10 builds it: bit_cast, and from_chars and to_chars for
// floating point. Included before every file by CMakeLists.txt where the compiler is g++ 10.
#pragma once

#include <locale.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cfloat>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#define __builtin_bit_cast(To, from)                           \
  (__extension__({                                             \
    const auto skein_from = (from);                            \
    To skein_to;                                               \
    __builtin_memcpy(&skein_to, &skein_from, sizeof skein_to); \
    skein_to;                                                  \
  }))

namespace std {

template <class To, class From>
inline To bit_cast(const From& from) noexcept {
  static_assert(sizeof(To) == sizeof(From));
  return __builtin_bit_cast(To, from);
}

// strtod also takes white space, a plus sign and hexadecimal digits; from_chars does not.
inline from_chars_result from_chars(const char* first, const char* last, double& value) {
  static const locale_t c = newlocale(LC_ALL_MASK, "C", nullptr);
  string text(first, last);
  text.resize(min(text.find_first_of("xX"), text.size()));
  if (text.empty() || text[0] == '+' || isspace(static_cast<unsigned char>(text[0])))
    return {first, errc::invalid_argument};
  char* end = nullptr;
  errno = 0;
  const double read = strtod_l(text.c_str(), &end, c);
  if (end == text.c_str()) return {first, errc::invalid_argument};
  const char* const rest = first + (end - text.c_str());
  if (errno == ERANGE && (read == 0 || read > DBL_MAX || read < -DBL_MAX)) return {rest, errc::result_out_of_range};
  value = read;
  return {rest, errc()};
}

// The fewest digits that give the same number back, as a fixed-point number unless the scientific one is shorter.
// General and hexadecimal formats only, which are what toml++ asks for.
template <class Float, class = enable_if_t<is_floating_point_v<Float>>>
inline to_chars_result to_chars(char* first, char* last, Float value) {
  char scientific[64], fixed[400];
  int digits = 0;
  do snprintf(scientific, sizeof scientific, "%.*e", digits, double(value));
  while (Float(strtod(scientific, nullptr)) != value && ++digits < 17);
  const char* const mark = strchr(scientific, 'e');  // none in "inf"
  const int exponent = mark ? atoi(mark + 1) : 0;
  snprintf(fixed, sizeof fixed, "%.*f", max(0, digits - exponent), double(value));
  const char* const text = strlen(fixed) <= strlen(scientific) ? fixed : scientific;
  if (strlen(text) > size_t(last - first)) return {last, errc::value_too_large};
  return {copy(text, text + strlen(text), first), errc()};
}
template <class Float, class = enable_if_t<is_floating_point_v<Float>>>
inline to_chars_result to_chars(char* first, char* last, Float value, chars_format format, int precision = 13) {
  char text[64];
  snprintf(text, sizeof text, format == chars_format::hex ? "%.*a" : "%.*g", precision, double(value));
  const char* const begin = format == chars_format::hex ? strchr(text, 'x') + 1 : text;
  if (strlen(begin) > size_t(last - first)) return {last, errc::value_too_large};
  return {copy(begin, begin + strlen(begin), first), errc()};
}

}  // namespace std
