#include <filesystem>
#include <fstream>

#include "base/check.h"
#include "data/formats/formats.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kSide = 32, kPlane = kSide * kSide, kChannels = 3;

// The folder that holds the files: DIR or DIR/folder.
fs::path find_folder(const CifarFormat& f, const std::string& dir) {
  const fs::path base = dir.empty() ? "." : dir;
  for (const fs::path& folder : {base, base / f.folder})
    if (fs::exists(folder / f.train_files[0])) return folder;
  throw BadInput(
      "{}: {} is neither in {} nor in {}. Give the folder with {} and {} (the official binary version) as --data-dir, "
      "or pack the images once with `skein data import` and give --data FILE.skein",
      f.name, f.train_files[0], base.string(), (base / f.folder).string(), fmt::join(f.train_files, ", "),
      fmt::join(f.test_files, ", "));
}

// Writes the records of one file to `to`, from image number `filled` on.
void read_records(const CifarFormat& f, const fs::path& file, int64_t records, int64_t filled, Dataset& to) {
  const int64_t record = f.label_bytes + kChannels * kPlane;
  std::ifstream in(file, std::ios::binary);
  if (!in) throw BadInput("{}: cannot be read. It is part of {}: copy the whole folder", file.string(), f.name);
  const int64_t size = int64_t(fs::file_size(file));
  if (size != records * record)
    throw BadInput("{}: byte {}: the file is {}: it has {} bytes, {} records of {} need {}. Copy it again",
                   file.string(), std::min(size, records * record), size < records * record ? "cut short" : "too long",
                   size, records, record, records * record);
  std::vector<uint8_t> bytes(static_cast<size_t>(record));
  for (int64_t i = 0; i < records; ++i) {
    if (!in.read(reinterpret_cast<char*>(bytes.data()), record))
      throw BadInput("{}: record {} cannot be read. Check the disk, or copy the file again", file.string(), i);
    const uint8_t label = bytes[size_t(f.label_bytes - 1)];
    check_label(file.string(), i, label, to.classes.size());
    to.labels.as<int32_t>()[filled + i] = label;
    const uint8_t* planes = bytes.data() + f.label_bytes;
    uint8_t* pixel = to.pixels().as<uint8_t>() + (filled + i) * kPlane * kChannels;
    for (int64_t p = 0; p < kPlane; ++p)
      for (int64_t c = 0; c < kChannels; ++c) *pixel++ = planes[c * kPlane + p];
  }
}

// Class names, one a line; numbers if the file is absent.
std::vector<std::string> read_names(const CifarFormat& f, const fs::path& file) {
  std::vector<std::string> names;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) names.push_back(line);
  }
  if (names.empty())
    for (int64_t i = 0; i < f.classes; ++i) names.push_back(std::to_string(i));
  if (int64_t(names.size()) != f.classes)
    throw BadInput("{}: {} class names, {} has {}. Copy the file again, or remove it", file.string(), names.size(),
                   f.name, f.classes);
  return names;
}

Dataset read_split(const CifarFormat& f, const fs::path& folder, const std::vector<std::string>& files,
                   int64_t records) {
  Dataset d = allocate_dataset(f.name, int64_t(files.size()) * records, kSide, kSide, kChannels);
  d.classes = read_names(f, folder / f.names_file);
  std::copy(f.mean, f.mean + kChannels, d.mean);
  std::copy(f.std, f.std + kChannels, d.std);
  int64_t filled = 0;
  for (const std::string& file : files) {
    read_records(f, folder / file, records, filled, d);
    filled += records;
  }
  return d;
}

}  // namespace

CifarFormat cifar10_format() {
  return {.name = "cifar10",
          .folder = "cifar-10-batches-bin",
          .names_file = "batches.meta.txt",
          .train_files = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                          "data_batch_5.bin"},
          .test_files = {"test_batch.bin"},
          .label_bytes = 1,
          .classes = 10,
          .train_records = 10000,
          .test_records = 10000,
          .mean = {0.4914f, 0.4822f, 0.4465f},
          .std = {0.2023f, 0.1994f, 0.2010f}};
}

CifarFormat cifar100_format() {
  return {.name = "cifar100",
          .folder = "cifar-100-binary",
          .names_file = "fine_label_names.txt",
          .train_files = {"train.bin"},
          .test_files = {"test.bin"},
          .label_bytes = 2,
          .classes = 100,
          .train_records = 50000,
          .test_records = 10000,
          .mean = {0.5071f, 0.4867f, 0.4408f},
          .std = {0.2675f, 0.2565f, 0.2761f}};
}

Splits open_cifar(const CifarFormat& f, const std::string& dir) {
  const fs::path folder = find_folder(f, dir);
  return {read_split(f, folder, f.train_files, f.train_records), read_split(f, folder, f.test_files, f.test_records)};
}

}  // namespace skein
