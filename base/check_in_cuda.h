// CHECK of base/check.h for files that nvcc compiles. nvcc parses a file once for the host and once per architecture,
// and fmt and the standard library take longer to parse than most kernels; so this header avoids both and passes the
// values as a list. The emulated build compiles the same files with g++ and fmt, which checks format strings against
// arguments.
#pragma once

#include <cstdint>
#include <initializer_list>

namespace skein {

// One value of a message: a number or a text.
struct CheckValue {
  template <class Number>
  CheckValue(Number value)
      : kind(Number(0.5) == Number(0) ? integer_kind : real_kind), integer(int64_t(value)), real(double(value)) {}
  CheckValue(const char* value) : kind(text_kind), text(value) {}

  enum { integer_kind, real_kind, text_kind } kind;
  int64_t integer = 0;
  double real = 0;
  const char* text = nullptr;
};

// Formats the message and throws as check_failed() of base/check.h.
[[noreturn]] void check_failed(const char* file, int line, const char* condition, const char* text,
                               std::initializer_list<CheckValue> values);

}  // namespace skein
