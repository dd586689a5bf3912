#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/settings.h"
#include "local_sgd/sync_schedule.h"

namespace skein {
namespace {

struct Form {
  const char* name;
  std::vector<std::string> required, optional;
  const char* help;
  bool reversed = false;
  bool switches_at_drop = false;  // default of `from`
};

const std::vector<Form>& forms() {
  static const std::vector<Form> all{
      {.name = "minibatch",
       .required = {},
       .optional = {},
       .help = "minibatch                      mini-batch SGD: average after every step"},
      {.name = "local",
       .required = {"H"},
       .optional = {},
       .help = "local:H=8                      local SGD (algorithm 1): every 8 steps"},
      {.name = "post-local",
       .required = {"H"},
       .optional = {"from"},
       .help = "post-local:H=16[,from=E]       post-local SGD (algorithm 2): every step until epoch E [first drop], "
               "then 16",
       .switches_at_drop = true},
      {.name = "reverse",
       .required = {"H"},
       .optional = {"from"},
       .help = "reverse:H=16[,from=E]          the mirror: every 16 steps until epoch E [first drop], then every step",
       .reversed = true,
       .switches_at_drop = true},
      {.name = "hierarchical",
       .required = {"H", "Hb", "block"},
       .optional = {"from"},
       .help = "hierarchical:H=4,Hb=4,block=2  hierarchical local SGD (algorithm 5): every 4 steps within blocks of 2 "
               "ranks, every 4*4 among all; [,from=E] every step among all until epoch E"},
      {.name = "quadratic",
       .required = {"H", "alpha"},
       .optional = {},
       .help = "quadratic:H=4,alpha=0.2        every max(H, (alpha/rate)^2) steps (arXiv 2310.14423)"},
  };
  return all;
}

const std::vector<std::string> kWarmUpKeys{"warmup", "warmup-epochs", "restart"};
const std::vector<std::string> kDelayKeys{"delay", "mix"};
const std::vector<std::string> kWarmUpShapes{"none", "constant", "linear", "exponential"};  // by WarmUp::Shape
constexpr int64_t kMost = 1'000'000'000;

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class FormParser {
 public:
  FormParser(std::string_view expression, double first_drop) : expression_(expression), first_drop_(first_drop) {}

  SyncSchedule parse() {
    const size_t colon = expression_.find(':');
    const std::string name = expression_.substr(0, colon);
    const auto form = std::find_if(forms().begin(), forms().end(), [&](auto& f) { return f.name == name; });
    if (form == forms().end()) fail(fmt::format("there is no schedule '{}'", name));
    if (colon != std::string::npos) settings_ = parse_settings(std::string_view(expression_).substr(colon + 1));
    check_keys(*form);
    schedule_.reversed = form->reversed;
    for (const Setting& setting : settings_) take(setting);
    complete(*form);
    return schedule_;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw BadInput("--sync '{}': {}. The forms are\n{}", expression_, what, sync_forms());
  }

  bool given(const std::string& key) const {
    return std::any_of(settings_.begin(), settings_.end(), [&](const Setting& p) { return p.key == key; });
  }

  void check_keys(const Form& form) const {
    std::vector<std::string> known = form.required;
    known.insert(known.end(), form.optional.begin(), form.optional.end());
    if (contains(form.required, "H"))
      for (const auto* keys : {&kWarmUpKeys, &kDelayKeys}) known.insert(known.end(), keys->begin(), keys->end());
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
    SyncSchedule& s = schedule_;
    if (p.key == "H") s.local_steps = whole(p);
    if (p.key == "Hb") s.block_steps = whole(p);
    if (p.key == "block") s.block_size = whole(p);
    if (p.key == "warmup-epochs") s.warm_up.epochs = whole(p);
    if (p.key == "alpha" && !((s.alpha = real(p)) > 0)) fail(fmt::format("alpha={} must be above 0", p.value));
    if (p.key == "from" && !((s.switch_epoch = real(p)) >= 0))
      fail(fmt::format("from={} is out of range; it is an epoch, 0 or later", p.value));
    if (p.key == "delay") s.delay = whole(p, 0);
    if (p.key == "mix" && !((s.mix = real(p)) > 0 && s.mix <= 1))
      fail(fmt::format("mix={} must be above 0 and at most 1", p.value));
    if (p.key == "restart" && !(s.warm_up.restart = !p.has_value)) fail("restart takes no value");
    if (p.key != "warmup") return;
    const auto found = std::find(kWarmUpShapes.begin() + 1, kWarmUpShapes.end(), p.value);
    if (found == kWarmUpShapes.end())
      fail(fmt::format("warmup={} is not known; give constant, linear or exponential", p.value));
    s.warm_up.shape = WarmUp::Shape(found - kWarmUpShapes.begin());
  }

  void complete(const Form& form) {
    WarmUp& warm_up = schedule_.warm_up;
    if (warm_up.shape != WarmUp::none && warm_up.epochs == 0) warm_up.epochs = schedule_.local_steps;
    check_delay();
    if (!form.switches_at_drop || given("from")) return;
    if (!std::isfinite(first_drop_))
      fail("the learning rate never drops at once, so from=E must be given, the epoch of the switch");
    schedule_.switch_epoch = first_drop_;
  }

  void check_delay() const {
    const int64_t h = schedule_.local_steps, d = schedule_.delay;
    if (d >= h && h == 1) fail(fmt::format("delay={} needs local steps to hide in; give H=2 or more, or no delay", d));
    if (d >= h)
      fail(
          fmt::format("delay={} is not below H={}: an averaging must be merged before the next one begins; give "
                      "delay=1 to {}, or H={} or more",
                      d, h, h - 1, d + 1));
    if (schedule_.mix > 0 && d == 0) fail("mix needs delay=..., the merge of what it weighs");
  }

  int64_t whole(const Setting& p, int64_t least = 1) const {
    int64_t value = 0;
    const char* end = p.value.data() + p.value.size();
    const auto [read, error] = std::from_chars(p.value.data(), end, value);
    if (error != std::errc() || read != end || value < least || value > kMost)
      fail(fmt::format("{}={} must be a whole number from {} to {}", p.key, p.value, least, kMost));
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
  SyncSchedule schedule_;
};

}  // namespace

SyncSchedule parse_sync(std::string_view expression, double first_drop) {
  return FormParser(expression, first_drop).parse();
}

std::string sync_forms() {
  std::string text;
  for (const Form& form : forms()) text += fmt::format("  {}\n", form.help);
  return text +
         "  ...,warmup=constant|linear|exponential[,warmup-epochs=P][,restart]\n"
         "                                 H grows to its value over P epochs [H], again after every drop with "
         "restart\n"
         "  ...,delay=d[,mix=a]            an averaging travels during the next d local steps and is merged after "
         "them:\n"
         "                                 w + (mean - w when it was sent), or (1 - a) w + a mean; d < H";
}

}  // namespace skein
