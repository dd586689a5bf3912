// Lists of settings, as options take them: "H=4,warmup=linear,restart".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace skein {

struct Setting {
  std::string key, value;
  bool has_value;  // the text has a '='

  std::string text() const { return has_value ? key + "=" + value : key; }
};

std::vector<Setting> parse_settings(std::string_view text);  // at least one; a key may be empty

}  // namespace skein
