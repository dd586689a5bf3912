#include <filesystem>

#include "base/check.h"
#include "base/formats/json.h"
#include "data/formats/formats.h"
#include "data/formats/metadata.h"

namespace skein {
namespace {

constexpr const char* kFormat = "skein-dataset";
constexpr const char* kVersion = "1";

Dataset read_split(const std::shared_ptr<const SafetensorsFile>& file, const std::string& split) {
  Dataset d;
  d.name = std::filesystem::path(file->path()).stem().string();
  d.images = file->view(split + ".images", DType::u8);
  d.labels = file->view(split + ".labels", DType::i32);
  d.classes = read_metadata<std::vector<std::string>>(*file, "classes");
  d.storage = file;
  if (d.pixels().numel() == 0 || (d.channels() != 1 && d.channels() != 3))
    throw BadInput("{}: tensor '{}.images': {} images of {} x {} x {}; 1 or 3 channels are possible. {}", file->path(),
                   split, d.size(), d.height(), d.width(), d.channels(), kImportAgain);
  if (d.labels.numel() != d.size())
    throw BadInput("{}: tensor '{}.labels': {} labels for {} images. {}", file->path(), split, d.labels.numel(),
                   d.size(), kImportAgain);
  for (int64_t i = 0; i < d.size(); ++i)
    check_label(file->path() + ": tensor '" + split + ".labels'", i, d.label()[i], d.classes.size());
  read_constants(*file, "mean", false, d.channels(), d.mean);
  read_constants(*file, "std", true, d.channels(), d.std);
  return d;
}

bool has_format(const SafetensorsFile& file) {
  const auto format = file.metadata().find("format");
  return format != file.metadata().end() && format->second == kFormat;
}

}  // namespace

bool is_packed(const std::string& path) {
  try {
    return has_format(*SafetensorsFile::open(path));
  } catch (const BadInput&) {
    return false;
  }
}

Splits open_packed(const std::string& path) {
  const auto file = SafetensorsFile::open(path);
  if (!has_format(*file))
    throw BadInput("{}: is a safetensors file, but not a dataset. Make one with `skein data import`", path);
  if (file->meta("version") != kVersion)
    throw BadInput("{}: version {} of the dataset format, this program reads {}. {}", path, file->meta("version"),
                   kVersion, kImportAgain);
  Splits s{read_split(file, "train"), read_split(file, "test")};
  if (!std::equal(s.train.dims() + 1, s.train.dims() + 4, s.test.dims() + 1))
    throw BadInput("{}: train and test images differ in size. {}", path, kImportAgain);
  return s;
}

void write_packed(const std::string& path, const Splits& s) {
  const auto per_channel = [&](const float* p) {
    return fmt::format("[{}]", fmt::join(p, p + s.train.channels(), ","));
  };
  const auto shape = [](const View& v) { return std::vector<int64_t>(v.dims, v.dims + 4); };
  write_safetensors(path,
                    {{"train.images", s.train.pixels(), shape(s.train.pixels())},
                     {"train.labels", s.train.labels, {s.train.size()}},
                     {"test.images", s.test.pixels(), shape(s.test.pixels())},
                     {"test.labels", s.test.labels, {s.test.size()}}},
                    {{"format", kFormat},
                     {"version", kVersion},
                     {"classes", Json(s.train.classes).dump()},
                     {"mean", per_channel(s.train.mean)},
                     {"std", per_channel(s.train.std)}});
}

}  // namespace skein
