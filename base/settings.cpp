#include "base/settings.h"

namespace skein {

std::vector<Setting> parse_settings(std::string_view text) {
  std::vector<Setting> settings;
  while (true) {
    const size_t comma = text.find(',');
    const std::string_view setting = text.substr(0, comma);
    const size_t equals = setting.find('=');
    const bool has_value = equals != setting.npos;
    settings.push_back(
        {std::string(setting.substr(0, equals)), std::string(has_value ? setting.substr(equals + 1) : ""), has_value});
    if (comma == text.npos) return settings;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace skein
