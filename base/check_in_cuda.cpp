#include "base/check_in_cuda.h"

#include <fmt/args.h>

#include "base/check.h"

namespace skein {

void check_failed(const char* file, int line, const char* condition, const char* text,
                  std::initializer_list<CheckValue> values) {
  fmt::dynamic_format_arg_store<fmt::format_context> arguments;
  for (const CheckValue& v : values) {
    if (v.kind == CheckValue::integer_kind)
      arguments.push_back(v.integer);
    else if (v.kind == CheckValue::real_kind)
      arguments.push_back(v.real);
    else
      arguments.push_back(v.text);
  }
  check_failed(file, line, condition, fmt::vformat(text, arguments));
}

}  // namespace skein
