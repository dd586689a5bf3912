#include "train/log/prometheus.h"

#include <fmt/format.h>

#include <cctype>

namespace skein {
namespace {

std::string metric_name(const std::string& name) {
  std::string text = "skein_" + name;
  for (char& c : text)
    if (!std::isalnum(uint8_t(c)) || uint8_t(c) > 127) c = '_';
  return text;
}

std::string quoted(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '"') escaped += '\\';
    escaped += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return "\"" + escaped + "\"";
}

}  // namespace

std::string prometheus_text(const std::map<std::string, double>& values,
                            const std::map<std::string, std::string>& labels) {
  std::string all, text;
  for (const auto& [name, value] : labels) all += fmt::format("{}{}={}", all.empty() ? "" : ",", name, quoted(value));
  for (const auto& [key, value] : values) {
    const std::string name = metric_name(key);
    text += fmt::format("# TYPE {0} gauge\n{0}{{{1}}} {2}\n", name, all, value);
  }
  return text;
}

}  // namespace skein
