#include "apps/page/layer_facts.h"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>

#include "apps/page/thin_series.h"
#include "base/check.h"
#include "base/terminal/printable.h"

namespace skein {
namespace {

// Nanoseconds since 1970; 0: there is no such file.
int64_t time_written(const std::string& path) {
  struct stat now {};
  if (stat(path.c_str(), &now) != 0 || !S_ISREG(now.st_mode)) return 0;
  return now.st_mtim.tv_sec * 1000000000LL + now.st_mtim.tv_nsec;
}

// A setting that is a text, without TOML's quotes; empty: there is none.
std::string text_setting(const RunLog& log, const char* key) {
  const auto setting = log.settings.find(key);
  if (setting == log.settings.end()) return "";
  const std::string& toml = setting->second;
  return toml.size() >= 2 && toml.front() == '\'' && toml.back() == '\'' ? toml.substr(1, toml.size() - 2) : toml;
}

double norm(const Json& layer, const char* key) {
  return layer.contains(key) && !(layer.at(key) == Json()) ? layer.at(key).get<double>() : kNotMeasured;
}

// Three significant digits: a curve as high as a line of text.
double coarse(double value) {
  if (!std::isfinite(value) || value == 0) return value;
  const double unit = std::pow(10, std::floor(std::log10(std::abs(value))) - 2);
  return rounded(std::round(value / unit) * unit);
}

}  // namespace

void LayerFacts::forget_norms() {
  named_.clear();
  epochs_.clear();
}

void LayerFacts::add_epoch(int64_t epoch, const Json& layers) {
  std::vector<std::string> names;
  Epoch norms{epoch, {}, {}};
  for (const Json& layer : layers.elements()) {
    names.push_back(printable(layer.at("name").get<std::string>()));
    norms.weight.push_back(norm(layer, "weight_norm"));
    norms.gradient.push_back(norm(layer, "grad_norm"));
  }
  if (names != named_) {  // of another network, or layers that are no longer frozen
    forget_norms();
    named_ = names;
  }
  epochs_.push_back(std::move(norms));
}

bool LayerFacts::read_times(const RunLog& log) {
  std::string newest;
  int64_t written = 0;
  for (const char* name : {"profile.json", "trace.json.gz"})
    if (const int64_t time = time_written(log.folder + "/" + name); time > written) {
      written = time;
      newest = name;
    }
  if (written == written_ && newest == source_) return false;
  written_ = written;
  source_ = newest;
  graph_ = {};
  times_ = {};
  note_.clear();
  if (!source_.empty()) try {
      const std::string model = text_setting(log, "model"), shortcut = text_setting(log, "shortcut");
      times_ = read_layer_times(log.folder + "/" + source_);
      if (times_.model != model)
        throw BadInput("it is of {}, and the run of {}", printable(times_.model), printable(model));
      graph_ = layer_graph(model, shortcut == "A" ? 'A' : 'B');
    } catch (const BadInput& e) {
      times_ = {};
      note_ = printable(fmt::format("the times of {} are left out: {}", source_, e.what()));
    }
  return true;
}

Json LayerFacts::facts() const {
  std::vector<std::string> names = graph_.layers;
  for (const std::string& name : named_)
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  if (names.empty()) return {};
  Json facts = {{"names", names}};
  if (!epochs_.empty()) {
    const size_t stride = (epochs_.size() + kMostNorms - 1) / kMostNorms;
    Json at = Json::array(), weight = Json::array(), grad = Json::array();
    std::vector<const Epoch*> kept;
    for (size_t i = (epochs_.size() - 1) % stride; i < epochs_.size(); i += stride) kept.push_back(&epochs_[i]);
    for (const Epoch* e : kept) at.push_back(e->epoch);
    for (const std::string& name : names) {
      const auto found = std::find(named_.begin(), named_.end(), name);
      Json weights = Json::array(), grads = Json::array();
      for (const Epoch* e : kept) {
        const size_t layer = size_t(found - named_.begin());
        weights.push_back(found == named_.end() ? kNotMeasured : coarse(e->weight[layer]));
        grads.push_back(found == named_.end() ? kNotMeasured : coarse(e->gradient[layer]));
      }
      weight.push_back(weights);
      grad.push_back(grads);
    }
    facts["epochs"] = at;
    facts["weight"] = weight;
    facts["grad"] = grad;
  }
  if (times_.layers.empty()) return facts;
  std::vector<double> forward(names.size()), backward(names.size());
  double elsewhere = 0;
  for (const auto& [kernel, time] : times_.layers) {
    const auto name = std::find(names.begin(), names.end(), layer_of(kernel));
    if (name == names.end()) {
      elsewhere += time.forward + time.backward;
      continue;
    }
    forward[size_t(name - names.begin())] += time.forward;
    backward[size_t(name - names.begin())] += time.backward;
  }
  Json inputs = Json::array();
  for (const std::vector<int64_t>& of_layer : graph_.inputs) inputs.push_back(of_layer);
  facts["inputs"] = inputs;
  facts["forward"] = rounded(forward);
  facts["backward"] = rounded(backward);
  facts["elsewhere"] = rounded(elsewhere);
  facts["source"] = source_;
  return facts;
}

}  // namespace skein
