#include "apps/model/class_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/formats/csv.h"
#include "data/formats/encoded_images.h"

namespace skein {

std::string predictions_csv(const Dataset& test, const std::vector<Prediction>& predictions) {
  std::string csv = "image,true,predicted,probability\n";
  for (size_t i = 0; i < predictions.size(); ++i) {
    const Prediction& p = predictions[i];
    const std::string place = test.is_encoded() ? test.encoded().place(int64_t(i)) : std::to_string(i);
    const bool damaged = test.is_encoded() && test.encoded().bad->contains(place);
    csv += csv_field(place) + ",";
    if (!damaged) csv += csv_field(test.classes[size_t(p.truth)]);
    csv += p.predicted < 0 || damaged
               ? std::string(",,\n")
               : fmt::format(",{},{}\n", csv_field(test.classes[size_t(p.predicted)]), float(p.probability));
  }
  return csv;
}

std::string confusion_csv(const std::vector<std::string>& classes, const std::vector<Prediction>& predictions) {
  const size_t n = classes.size();
  std::vector<int64_t> counts(n * (n + 1));
  for (const Prediction& p : predictions)
    ++counts[size_t(p.truth) * (n + 1) + (p.predicted < 0 ? n : size_t(p.predicted))];
  std::string csv = "true";
  for (const std::string& name : classes) csv += "," + csv_field(name);
  csv += ",not a number\n";
  for (size_t c = 0; c < n; ++c) {
    const auto row = counts.begin() + std::ptrdiff_t(c * (n + 1));
    csv += fmt::format("{},{}\n", csv_field(classes[c]), fmt::join(row, row + std::ptrdiff_t(n + 1), ","));
  }
  return csv;
}

}  // namespace skein
