// The facts that a RunReader has gathered, as JSON for the page. apps/page/model.js and apps/page/run.js read it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <functional>

#include "apps/page/run_reader.h"
#include "base/terminal/printable.h"

namespace skein {
namespace {

constexpr size_t kMostEpochs = 1000;    // more are thinned evenly
constexpr size_t kMostClasses = 200;    // of a matrix; the pairs are always there
constexpr size_t kMostConfusions = 20;  // pairs of classes

struct Column {
  const char* name;
  std::function<double(size_t)> value;  // by the epoch's index
};

// The most frequent confusions as [label, predicted, images].
Json confusions(const Json& matrix) {
  std::vector<std::array<int64_t, 3>> pairs;
  for (size_t i = 0; i < matrix.size(); ++i)
    for (size_t j = 0; j < matrix.at(i).size(); ++j)
      if (const auto images = matrix.at(i).at(j).get<int64_t>(); i != j && images > 0)
        pairs.push_back({int64_t(i), int64_t(j), images});
  const auto end = pairs.begin() + int64_t(std::min(pairs.size(), kMostConfusions));
  std::partial_sort(pairs.begin(), end, pairs.end(), [](const auto& a, const auto& b) { return a[2] > b[2]; });
  Json most = Json::array();
  for (auto pair = pairs.begin(); pair != end; ++pair)
    most.push_back(Json::array({(*pair)[0], (*pair)[1], (*pair)[2]}));
  return most;
}

bool is_square(const Json& matrix, size_t classes) {
  if (matrix.size() != classes) return false;
  const Json::Array& rows = matrix.elements();
  return std::all_of(rows.begin(), rows.end(), [&](const Json& row) { return row.elements().size() == classes; });
}

bool is_base64(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isalnum(c) || c == '+' || c == '/' || c == '='; });
}

// Pictures in their order, as many as fit into `bytes`.
Json pictures(const Json& worst, size_t bytes) {
  Json kept = Json::array();
  size_t used = 0;
  for (const Json& w : worst.elements()) {
    if (!w.is_object()) continue;
    const std::string png = w.contains("png") ? w.at("png").get<std::string>() : "";
    if ((used += png.size()) > bytes) break;
    if (is_base64(png)) kept.push_back(w);
  }
  return kept;
}

Json printable_texts(const Json& texts) {
  Json shown = Json::array();
  for (const Json& text : texts.elements()) shown.push_back(printable(text.get<std::string>()));
  return shown;
}

// Seconds since 1970 of the last line.
double last_line_time(const std::string& folder) {
  const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  return now - seconds_since_line(folder);
}

}  // namespace

Json RunReader::epochs() const {
  const std::vector<EpochLog>& e = series_.epochs;
  const Column columns[] = {
      {"epoch", [&](size_t i) { return double(e[i].epoch); }},
      {"step", [&](size_t i) { return double(e[i].step); }},
      {"train_loss", [&](size_t i) { return e[i].train_loss; }},
      {"train_top1", [&](size_t i) { return e[i].train_top1; }},
      {"test_loss", [&](size_t i) { return e[i].test_loss; }},
      {"test_top1", [&](size_t i) { return e[i].test_top1; }},
      {"local_test_top1", [&](size_t i) { return e[i].local_test_top1; }},
      {"ema_test_top1", [&](size_t i) { return series_.ema_top1[i]; }},
      {"img_per_s", [&](size_t i) { return e[i].images_per_second; }},
      {"seconds", [&](size_t i) { return e[i].seconds; }},
      {"bytes", [&](size_t i) { return double(e[i].bytes); }},
      // The clock of --net: a run without it has no simulated network, and its file says 0 seconds.
      {"simulated", [&](size_t i) {
         return e[i].network_seconds > 0 ? series_.compute_seconds[i] + e[i].network_seconds : kNotMeasured;
       }}};
  const size_t stride = (e.size() + kMostEpochs - 1) / kMostEpochs;
  Json all = Json::object();
  for (const Column& column : columns) {
    std::vector<double> values;
    for (size_t i = 0; i < e.size(); ++i)
      if (i + 1 == e.size() || i % stride == 0) values.push_back(column.value(i));
    const bool needed = std::string_view(column.name) == "epoch" || std::string_view(column.name) == "step" ||
                        std::any_of(values.begin(), values.end(), [](double v) { return std::isfinite(v) && v != 0; });
    if (needed) all[column.name] = rounded(values);
  }
  return all;
}

// Seconds of a step by part.
Json RunReader::parts() const {
  if (series_.part_seconds.empty() || series_.epochs.empty() || series_.epochs.back().step == 0) return {};
  Json parts = Json::object();
  for (const auto& [part, seconds] : series_.part_seconds)
    parts[part] = rounded(seconds / double(series_.epochs.back().step));
  return parts;
}

void RunReader::add_evaluation(Json& facts, size_t picture_bytes) const {
  if (evaluation_ == Json()) return;
  Json shown = Json::object();
  try {
    const Json& classes = evaluation_.at("classes");
    shown["classes"] = printable_texts(classes);
    if (evaluation_.contains("epoch")) shown["evaluated_epoch"] = evaluation_.at("epoch").get<int64_t>();
    if (evaluation_.contains("confusion")) {
      const Json& matrix = evaluation_.at("confusion");
      if (!is_square(matrix, classes.size())) throw JsonError("the matrix is not square");
      shown["confused"] = confusions(matrix);
      if (matrix.size() <= kMostClasses) shown["confusion"] = matrix;
    }
    if (evaluation_.contains("worst")) {
      shown["worst"] = pictures(evaluation_.at("worst"), picture_bytes);
      shown["worst_all"] = int64_t(evaluation_.at("worst").size());
    }
  } catch (const JsonError& e) {
    facts["notes"].push_back(fmt::format("evaluation.json cannot be read and is left out: {}", e.what()));
    return;
  }
  for (const JsonItem& item : shown.items()) facts[item.key] = item.value;
}

Json RunReader::facts(const std::string& name, size_t picture_bytes) const {
  Json settings = Json::object(), notes = Json::array();
  for (const auto& [key, value] : log_.settings) settings[key] = value;
  const int64_t unread = log_.unread_lines + (cut_ && log_.status != RunStatus::running ? 1 : 0);
  if (unread > 0) notes.push_back(fmt::format("{} lines of metrics.jsonl cannot be read and are left out", unread));
  if (series_.infinite_losses > 0)
    notes.push_back(fmt::format("the loss was not a finite number in {} steps", series_.infinite_losses));
  for (const std::string& note : {evaluation_note_, layers_.note()})
    if (!note.empty()) notes.push_back(note);
  if (series_.epochs.size() > kMostEpochs)
    notes.push_back(fmt::format("{} epochs are thinned for the curves", series_.epochs.size()));
  const EpochLog* best = log_.best();
  Json facts = {{"name", printable(name)},
                {"folder", printable(log_.folder)},
                {"status", status_text_},
                {"planned_epochs", log_.planned_epochs},
                {"best_top1", best ? best->test_top1 : kNotMeasured},
                {"best_epoch", best ? best->epoch : 0},
                {"version", printable(version_)},
                {"settings", settings},
                {"about", series_.about},
                {"notes", notes},
                {"epochs", epochs()}};
  facts["last_line"] = last_line_time(log_.folder);
  if (!series_.loss.empty()) facts["loss"] = series_.loss.ranges();
  if (!series_.lr.empty()) facts["lr"] = series_.lr.samples();
  if (const ThinSeries& h = series_.h.empty() ? series_.h_of_steps : series_.h; !h.empty()) facts["h"] = h.samples();
  if (!series_.distance.empty()) facts["distance"] = series_.distance.ranges();
  facts["parts"] = parts();
  facts["layers"] = layers_.facts();
  if (!series_.class_top1.empty()) facts["class_top1"] = rounded(series_.class_top1);
  facts["classes"] = series_.about.contains("classes") ? printable_texts(series_.about.at("classes")) : Json::array();
  add_evaluation(facts, picture_bytes);
  return facts;
}

}  // namespace skein
