// The predictions of an evaluation, class by class, and as CSV files.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "train/evaluation/predictions.h"

namespace skein {

// image,true,predicted,probability: a row per image of the test set in stored order. `image` is the file or record of
// encoded data, else the index from 0. The prediction of a damaged image is empty.
std::string predictions_csv(const Dataset& test, const std::vector<Prediction>& predictions);

// A row per true class, a column per predicted one: numbers of images. The last column counts outputs that are not
// numbers.
std::string confusion_csv(const std::vector<std::string>& classes, const std::vector<Prediction>& predictions);

}  // namespace skein
