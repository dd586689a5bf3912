// Errors. Three kinds, distinguished by what the user can do about them. All are exceptions:
//   BadInput   a file, a flag or a setting is wrong; names it, the place and the fix             exit status 2
//   RunFailed  the run cannot continue (disk full, loss is NaN); says what was kept              exit status 1
//   CHECK      a precondition inside skein was violated: a std::logic_error that names the line  exit status 1
// Messages are format strings of fmt.
#pragma once

#ifdef __CUDACC__
#include "base/check_in_cuda.h"
#define CHECK(condition, text, ...) \
  ((condition) ? void() : ::skein::check_failed(__FILE__, __LINE__, #condition, text, {__VA_ARGS__}))
#else

#include <fmt/format.h>

#include <stdexcept>
#include <string>

namespace skein {

class BadInput : public std::runtime_error {
 public:
  template <class... A>
  explicit BadInput(fmt::format_string<A...> text, A&&... args)
      : std::runtime_error(fmt::format(text, std::forward<A>(args)...)) {}
};

class RunFailed : public std::runtime_error {
 public:
  template <class... A>
  explicit RunFailed(fmt::format_string<A...> text, A&&... args)
      : std::runtime_error(fmt::format(text, std::forward<A>(args)...)) {}
};

[[noreturn]] inline void check_failed(const char* file, int line, const char* condition, const std::string& why) {
  throw std::logic_error(fmt::format("{}:{}: {} does not hold: {}", file, line, condition, why));
}

// Throws unless the condition holds:
//   CHECK(x.channels() == w.channels(), "x has {} channels, w {}", x.channels(), w.channels());
#define CHECK(condition, ...) \
  ((condition) ? void() : ::skein::check_failed(__FILE__, __LINE__, #condition, fmt::format(__VA_ARGS__)))

}  // namespace skein
#endif
