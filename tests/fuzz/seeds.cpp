// fuzz_seeds FOLDER: writes a few valid inputs for each fuzzer to FOLDER/SUBJECT. run.sh adds the images of
// tests/images.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "data/formats/formats.h"
#include "engine/safetensors.h"

using namespace skein;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& path, const std::string& bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string tar_file(const std::string& name, char type, const std::string& contents) {
  std::string header(512, '\0');
  header.replace(0, name.size(), name);
  header.replace(124, 11, fmt::format("{:011o}", contents.size()));
  header[156] = type;
  header.replace(257, 8,
                 std::string("ustar\0"
                             "00",
                             8));
  return header + contents + std::string((512 - contents.size() % 512) % 512, '\0');
}

}  // namespace

int main(int, char** arguments) {
  const fs::path to = arguments[1];
  fs::create_directories(to / "safetensors");
  write_packed((to / "safetensors/packed").string(),
               make_synthetic({.train = 3, .test = 2, .size = 2, .classes = 2}, 1));
  float values[6] = {1, 2, 3, 4, 5, 6};
  write_safetensors(
      (to / "safetensors/weights").string(),
      {{"conv1.weight", {values, DType::f32, {1, 1, 2, 3}}, {2, 3}}, {"b", {values, DType::f32, {1, 1, 1, 1}}, {1}}},
      {{"model", "resnet20"}});
  write(to / "cifar/records", std::string(9500, '\1'));
  const std::string idx = std::string("\0\0\x08\x03\0\0\0\2\0\0\0\2\0\0\0\3", 16) + std::string(12, 'p');
  const std::string labels = std::string("\0\0\x08\x01\0\0\0\2\1\2", 10);
  write(to / "idx/plain", std::string("\0", 1) + idx + "\\x" + labels);
  write(to / "archive/plain",
        tar_file("train/n0/a.JPEG", '0', "hello") + tar_file("val/n0/b.JPEG", '0', std::string(600, 'x')));
  write(to / "archive/labels", tar_file("LOC_val_solution.csv", '0', "ImageId,PredictionString\nv,n0 1 2\n") +
                                   tar_file("train/n0/a.JPEG", '0', "hello") + tar_file("val/v.JPEG", '0', "hello"));
  write(to / "archive/gnu", tar_file("././@LongLink", 'L', std::string(200, 'y')) + tar_file("yyy", '0', "hello"));
  write(to / "archive/pax",
        tar_file("pax", 'x', "18 path=train/n/a\n30 mtime=1350244992.023960108\n") + tar_file("a", '0', "hello"));
  write(to / "wire/opening",
        std::string("skein-2\0", 8) + std::string(32, 'n') + std::string(112, 'p') + std::string(200, '\x41'));
  write(to / "wire/roster", std::string(1, '\0') + std::string(300, '\2'));
  write(to / "shards/tables", std::string("\1\3") + std::string(200, '\1'));
}
