// Comparison of the classes of a dataset with those that a network was trained on: by name. The numbers of two datasets
// say nothing about each other; the same pictures in another folder may be numbered in another order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace skein {

// True unless the classes are called 0, 1, 2 ..., as in data that gives no names.
bool have_names(const std::vector<std::string>& classes);

struct ClassMap {
  std::vector<int32_t> to_model;  // number in the network of each class of the data
  std::string note;               // for the user; empty if the classes are the same
};

// Every class of the data must be one of the network's; the network may have more. Where only one side has names,
// numbers are compared if there are as many. BadInput names the dataset and the class.
ClassMap map_classes(const std::string& data, const std::vector<std::string>& of_data,
                     const std::vector<std::string>& of_model);

// Gives the dataset the network's numbers and names. To be called before make_resident().
void use_classes(Dataset& dataset, const ClassMap& map, const std::vector<std::string>& of_model);

}  // namespace skein
