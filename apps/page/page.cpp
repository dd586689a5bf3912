#include "apps/page/page.h"

#include <map>
#include <random>

#include "apps/page/page_files.h"
#include "base/check.h"

namespace skein {
namespace {

// Replaces each {{name}} of the template once; texts that are put in are not searched again.
std::string fill(std::string_view text, const std::map<std::string_view, std::string_view>& parts) {
  std::string page;
  for (size_t open = 0; (open = text.find("{{")) != std::string_view::npos;) {
    const size_t close = text.find("}}", open);
    page += text.substr(0, open);
    page += parts.at(text.substr(open + 2, close - open - 2));
    text.remove_prefix(close + 2);
  }
  return page += text;
}

std::string as_script_data(const Json& facts) {
  std::string escaped;
  for (const char c : facts.dump(-1, Json::BadUtf8::replace))
    if (c == '<')
      escaped += "\\u003c";
    else
      escaped += c;
  return escaped;
}

}  // namespace

std::string random_token(int bytes) {
  std::random_device system;
  std::string token;
  for (int i = 0; i < bytes; ++i) token += fmt::format("{:02x}", system() & 0xff);
  return token;
}

std::string make_page(const Json& facts, bool live) {
  if (kD3.empty())
    throw BadInput("this skein was built without d3, which draws the charts: install libjs-d3 and build again");
  const std::string nonce = random_token(16), data = as_script_data(facts);
  return fill(kPageTemplate, {{"nonce", nonce},
                              {"connect", live ? "'self'" : "'none'"},
                              {"style", kPageStyle},
                              {"facts", data},
                              {"licence", kD3Licence},
                              {"library", kD3},
                              {"script", kPageScript}});
}

}  // namespace skein
