// meta.mat of ImageNet's development kit (ILSVRC2012_devkit_t12/data): the class of each number in
// ILSVRC2012_validation_ground_truth.txt. It is a MATLAB file ("MAT-File Format", level 5): a struct array `synsets`
// with the fields ILSVRC2012_ID, 1 and up, and WNID, the name of the class, compressed or not.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace skein {

// The name of class number n at n - 1; empty texts for numbers that the file leaves out. BadInput names the path if
// this is another file.
std::vector<std::string> read_meta_mat(const std::string& path, std::string_view bytes);

}  // namespace skein
