// What a failed CHECK calls where nvcc compiles. It parses a file once for the host and once for every architecture, so
// it is spared fmt and the standard library, which take longer than most kernels; g++, which compiles the same files
// for the emulator, holds the texts to their arguments.
#pragma once

#include <cstdint>
#include <initializer_list>

namespace skein {

// A number or a text that the message names.
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

[[noreturn]] void check_failed(const char* file, int line, const char* condition, const char* text,
                               std::initializer_list<CheckValue> values);

}  // namespace skein
