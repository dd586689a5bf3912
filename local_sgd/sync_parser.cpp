#include "local_sgd/sync_parser.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "local_sgd/sync_schedule.h"

namespace skein {
namespace {

struct Form {
  const char* name;
  std::vector<std::string> required, optional;
  const char* help;
};

const std::vector<Form>& forms() {
  static const std::vector<Form> all{
      {"minibatch", {}, {}, "minibatch                      mini-batch SGD: average after every step"},
      {"local", {"H"}, {}, "local:H=8                      local SGD (algorithm 1): every 8 steps"},
      {"post-local",
       {"H"},
       {"from"},
       "post-local:H=16[,from=E]       post-local SGD (algorithm 2): every step until epoch E [first drop], then 16"},
      {"reverse",
       {"H"},
       {"from"},
       "reverse:H=16[,from=E]          the mirror: every 16 steps until epoch E [first drop], then every step"},
      {"hierarchical",
       {"H", "Hb", "block"},
       {"from"},
       "hierarchical:H=4,Hb=4,block=2  hierarchical local SGD (algorithm 5): every 4 steps within blocks of 2 ranks, "
       "every 4*4 among all; [,from=E] every step among all until epoch E"},
      {"quadratic",
       {"H", "alpha"},
       {},
       "quadratic:H=4,alpha=0.2        every max(H, (alpha/rate)^2) steps (arXiv 2310.14423)"},
  };
  return all;
}

const std::vector<std::string> kWarmupKeys{"warmup", "warmup-epochs", "restart"};
const std::vector<std::string> kWarmups{"none", "constant", "linear", "exponential"};
constexpr int64_t kMost = 1'000'000'000;

struct Setting {
  std::string key, value;
  bool has_value;
};

std::vector<Setting> split(std::string_view text) {
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

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class FormParser {
 public:
  FormParser(const std::string& expression, double first_drop) : expression_(expression), first_drop_(first_drop) {}

  SyncForm parse() {
    const size_t colon = expression_.find(':');
    form_.name = expression_.substr(0, colon);
    const auto form = std::find_if(forms().begin(), forms().end(), [&](auto& s) { return s.name == form_.name; });
    if (form == forms().end()) fail(fmt::format("there is no policy '{}'", form_.name));
    if (colon != std::string::npos) settings_ = split(std::string_view(expression_).substr(colon + 1));
    check_keys(*form);
    for (const Setting& setting : settings_) take(setting);
    complete(*form);
    return form_;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw BadInput("sync policy '{}': {}. The forms are\n{}", expression_, what, sync_forms());
  }

  bool given(const std::string& key) const {
    return std::any_of(settings_.begin(), settings_.end(), [&](const Setting& p) { return p.key == key; });
  }

  void check_keys(const Form& form) const {
    std::vector<std::string> known = form.required;
    known.insert(known.end(), form.optional.begin(), form.optional.end());
    if (contains(form.required, "H")) known.insert(known.end(), kWarmupKeys.begin(), kWarmupKeys.end());
    for (const Setting& p : settings_) {
      if (known.empty()) fail(fmt::format("{} takes no '{}'", form.name, p.key));
      if (!contains(known, p.key))
        fail(fmt::format("{} takes no '{}', only {}", form.name, p.key, fmt::join(known, ", ")));
      if (std::count_if(settings_.begin(), settings_.end(), [&](const Setting& q) { return q.key == p.key; }) > 1)
        fail(fmt::format("{} is given twice", p.key));
    }
    for (const std::string& key : form.required)
      if (!given(key)) fail(fmt::format("{} needs {}=...", form.name, key));
    if (!given("warmup"))
      for (const char* key : {"warmup-epochs", "restart"})
        if (given(key)) fail(fmt::format("{} needs warmup=constant, linear or exponential", key));
  }

  void take(const Setting& p) {
    if (p.key == "H") form_.steps = whole(p);
    if (p.key == "Hb") form_.block_rounds = whole(p);
    if (p.key == "block") form_.block = whole(p);
    if (p.key == "warmup-epochs") form_.warmup_epochs = whole(p);
    if (p.key == "alpha" && !((form_.alpha = real(p)) > 0)) fail(fmt::format("alpha={} must be above 0", p.value));
    if (p.key == "from" && !((form_.from = real(p)) >= 0))
      fail(fmt::format("from={} is out of range; it is an epoch, 0 or later", p.value));
    if (p.key == "restart" && !(form_.restart = !p.has_value)) fail("restart takes no value");
    if (p.key != "warmup") return;
    const auto found = std::find(kWarmups.begin() + 1, kWarmups.end(), p.value);
    if (found == kWarmups.end())
      fail(fmt::format("warmup={} is not known; give constant, linear or exponential", p.value));
    form_.warmup = Warmup(found - kWarmups.begin());
  }

  void complete(const Form& form) {
    if (form_.warmup != Warmup::none && form_.warmup_epochs == 0) form_.warmup_epochs = form_.steps;
    if (!contains(form.optional, "from") || form_.name == "hierarchical" || given("from")) return;
    if (!std::isfinite(first_drop_)) fail("the learning rate never drops, so from=... must be given");
    form_.from = first_drop_;
  }

  int64_t whole(const Setting& p) const {
    int64_t value = 0;
    const char* end = p.value.data() + p.value.size();
    const auto [read, error] = std::from_chars(p.value.data(), end, value);
    if (error != std::errc() || read != end || value < 1 || value > kMost)
      fail(fmt::format("{}={} must be a whole number from 1 to {}", p.key, p.value, kMost));
    return value;
  }

  double real(const Setting& p) const {
    double value = 0;
    const char* end = p.value.data() + p.value.size();
    const auto [read, error] = std::from_chars(p.value.data(), end, value);
    if (error != std::errc() || read != end || !std::isfinite(value))
      fail(fmt::format("{}={} must be a number", p.key, p.value));
    return value;
  }

  const std::string expression_;
  double first_drop_;
  std::vector<Setting> settings_;
  SyncForm form_;
};

}  // namespace

std::string name_of(Warmup warmup) { return kWarmups[size_t(warmup)]; }

SyncForm parse_sync_form(const std::string& expression, double first_drop) {
  return FormParser(expression, first_drop).parse();
}

std::string sync_forms() {
  std::string text;
  for (const Form& form : forms()) text += fmt::format("  {}\n", form.help);
  return text +
         "  ...,warmup=constant|linear|exponential[,warmup-epochs=P][,restart]\n"
         "                                 H grows to its value over P epochs [H], again after every drop with restart";
}

}  // namespace skein
