// Facts about a network that follow from its name, without making it.
#pragma once

#include <cstdint>
#include <string>

#include "base/check.h"

namespace skein {

// Images and classes of the data set that the network is made for: ImageNet's for resnet18, 34, 50, 101 and 152 (224 x
// 224, 1000 classes), CIFAR-10's for the others (32 x 32, 10 classes).
struct UsualImages {
  int64_t size, classes;
};
UsualImages usual_images(const std::string& model);

// Gives a shape of images whose size or number of classes is 0 the usual ones. BadInput for a size below 8.
template <class Shape>
Shape with_usual_images(Shape s) {
  const UsualImages usual = usual_images(s.model);
  if (s.size == 0) s.size = usual.size;
  if (s.classes == 0) s.classes = usual.classes;
  if (s.size < 8) throw BadInput("--size: {} is out of range; give a number from 8 up", s.size);
  return s;
}

// The settings of ModelOptions that the network has a place for.
struct ModelTraits {
  bool dropout, zero_gamma, shortcut;
};
ModelTraits traits_of(const std::string& model);

}  // namespace skein
