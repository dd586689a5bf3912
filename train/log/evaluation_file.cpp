#include "train/log/evaluation_file.h"

#include "base/files.h"
#include "base/formats/base64.h"
#include "base/formats/json.h"
#include "data/formats/encoded_images.h"

namespace skein {
namespace {

constexpr int kSchema = 1;
constexpr size_t kWorst = 16;         // wrong predictions with a picture
constexpr int64_t kLongest = 64;      // pixels of a picture's side
constexpr size_t kMostClasses = 200;  // with a confusion matrix: it has a number for every pair

// Row: the label. Column: the predicted class. Outputs that are not numbers are in no column.
Json confusion_of(const Predictions& predictions, size_t classes) {
  std::vector<std::vector<int64_t>> counts(classes, std::vector<int64_t>(classes));
  for (const Prediction& p : predictions.all)
    if (p.predicted >= 0) ++counts[size_t(p.truth)][size_t(p.predicted)];
  return Json(counts);
}

// A damaged image was replaced by another one when it was predicted, so its own picture does not belong to the
// prediction.
bool is_damaged(const Dataset& test, int64_t i) {
  return test.is_encoded() && test.encoded().bad->contains(test.encoded().place(i));
}

}  // namespace

std::vector<WorstPrediction> find_worst(const Predictions& predictions, const Dataset& test) {
  std::vector<WorstPrediction> worst;
  for (const int64_t i : worst_predictions(predictions.all, kWorst))
    if (!is_damaged(test, i)) worst.push_back({i, predictions.all[size_t(i)], picture_of(test, i, kLongest)});
  return worst;
}

void write_evaluation(const std::string& path, const EpochMetrics& epoch, const std::vector<std::string>& classes,
                      const std::vector<WorstPrediction>& worst) {
  Json file = {{"schema", kSchema}, {"epoch", epoch.epoch}, {"classes", classes}};
  if (classes.size() <= kMostClasses) file["confusion"] = confusion_of(*epoch.predictions, classes.size());
  Json list = Json::array();
  for (const WorstPrediction& w : worst) {
    const Prediction& p = w.prediction;
    Json one = {{"index", w.index}, {"label", p.truth}, {"predicted", p.predicted}, {"probability", p.probability}};
    if (const std::string png = to_png(w.picture); !png.empty()) one["png"] = base64(png);
    list.push_back(one);
  }
  file["worst"] = list;
  write_text(path, file.dump(-1, Json::BadUtf8::replace) + "\n");
}

}  // namespace skein
