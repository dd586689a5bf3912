#include "data/formats/image_list.h"

#include <algorithm>
#include <filesystem>

#include "data/formats/folders/image_layout.h"

namespace skein {
namespace fs = std::filesystem;

ImageList list_image_folder(const std::string& dir, const DatasetOptions& options) {
  const auto source = open_folder_source(dir);
  const ImageLayout layout = lay_out(*source, {.val_split = options.val_split, .val_seed = options.val_seed});
  const fs::path plain = fs::path(dir).lexically_normal();
  ImageList list{(plain.has_filename() ? plain : plain.parent_path()).filename().string(),
                 layout.classes,
                 notes_of(layout),
                 {},
                 {}};
  for (const PlacedImage& i : layout.images)
    (i.test ? list.test : list.train).push_back({(fs::path(dir) / source->entries[i.entry].path).string(), i.label});
  for (auto* images : {&list.train, &list.test})
    std::stable_sort(images->begin(), images->end(),
                     [](const ListedImage& a, const ListedImage& b) { return a.label < b.label; });
  return list;
}

}  // namespace skein
