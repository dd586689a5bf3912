#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string_view>

#include "base/available_memory.h"
#include "base/check.h"
#include "data/formats/formats.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

constexpr const char* kDebianFolder = "/usr/share/datasets/fashion-mnist";
// Type (08: unsigned byte) and number of dimensions.
constexpr uint32_t kImagesMagic = 0x00000803, kLabelsMagic = 0x00000801;
constexpr const char* kCopyAgain = "Copy the file again";

// Sequential reader of an IDX file. zlib reads files that are not compressed as they are.
class IdxFile {
 public:
  explicit IdxFile(const fs::path& path) : path_(path.string()), file_(gzopen(path_.c_str(), "rb")) {
    if (!file_) throw BadInput("{}: cannot be opened. Check its permissions", path_);
    gzbuffer(file_, 1 << 17);
  }
  ~IdxFile() { gzclose(file_); }
  IdxFile(const IdxFile&) = delete;
  IdxFile& operator=(const IdxFile&) = delete;

  const std::string& path() const { return path_; }

  void read(uint8_t* to, int64_t bytes) {
    while (bytes > 0) {
      const int n = gzread(file_, to, unsigned(std::min<int64_t>(bytes, 1 << 30)));
      if (n <= 0) fail(bytes);
      to += n;
      bytes -= n;
      position_ += n;
    }
  }

  int64_t read_number() {
    uint8_t b[4];
    read(b, 4);
    return int64_t(b[0]) << 24 | b[1] << 16 | b[2] << 8 | b[3];
  }

  void expect_magic(uint32_t expected, const char* what) {
    const int64_t magic = read_number();
    if (magic != expected)
      throw BadInput("{}: byte 0: magic number 0x{:08x}, IDX {} begin with 0x{:08x}. Put the {} file in its place",
                     path_, magic, what, expected, what);
  }

  // Checks before the allocation that the file can hold what its header promises. Deflate compresses by 1032:1 at most.
  void expect_room(int64_t bytes) const {
    const int64_t size = int64_t(fs::file_size(path_)), most = gzdirect(file_) ? size : size * 1032;
    if (bytes > most)
      throw BadInput("{}: byte 4: the header promises {} bytes of data, the file has {}: cut short. {}", path_, bytes,
                     size, kCopyAgain);
    if (const int64_t available = available_memory(); bytes > available)
      throw BadInput(
          "{}: byte 4: the header promises {} bytes of data, and {} of memory are available. A file that is packed so "
          "well may be made to fill the memory; if it is right, a machine with more is needed",
          path_, bytes, available);
  }

  // Checks that nothing follows. Reading to the end also makes zlib verify the checksum of a gzip file.
  void expect_end() {
    uint8_t byte;
    int error = Z_OK;
    const int n = gzread(file_, &byte, 1);
    gzerror(file_, &error);
    if (n < 0 || error != Z_OK) fail(0);
    if (n > 0) throw BadInput("{}: byte {}: more data than the header promises. {}", path_, position_, kCopyAgain);
  }

 private:
  [[noreturn]] void fail(int64_t missing) {
    const char* place = gzdirect(file_) ? "" : " of the unpacked data";
    int error = Z_OK;
    const std::string reason = gzerror(file_, &error);
    if (error == Z_DATA_ERROR || error == Z_ERRNO)
      throw BadInput("{}, byte {}{}: damaged or unreadable. {}", reason, position_, place, kCopyAgain);
    throw BadInput("{}: byte {}{}: cut short, {} are missing. {}", path_, position_, place,
                   missing > 0 ? fmt::format("{} bytes", missing) : "bytes of the check sum", kCopyAgain);
  }

  std::string path_;
  gzFile file_;
  int64_t position_ = 0;
};

// A set of four IDX files, known by its name.
struct IdxSet {
  std::string name;
  std::vector<std::string> classes;
  int64_t first_label = 0;
  bool transposed = false;  // pixels are stored column by column
  const char* folder = "";  // of torchvision's download
};

// One class for each character.
std::vector<std::string> characters(std::string_view text) {
  std::vector<std::string> names;
  for (char c : text) names.emplace_back(1, c);
  return names;
}

// EMNIST (Cohen et al., arXiv 1702.05373): six divisions of one collection. Letters have 26 classes from label 1 on, of
// both cases; balanced and bymerge join the cases that look alike.
IdxSet emnist(const std::string& division) {
  std::string_view classes = "0123456789";
  if (division == "letters") classes = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  if (division == "balanced" || division == "bymerge") classes = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt";
  if (division == "byclass") classes = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  return {"emnist-" + division, characters(classes), division == "letters" ? 1 : 0, true, "EMNIST"};
}

std::vector<IdxSet> idx_sets() {
  std::vector<IdxSet> sets = {
      {.name = "fashion-mnist",
       .classes = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
                   "Ankle boot"},
       .folder = "FashionMNIST"},
      {.name = "mnist", .classes = characters("0123456789"), .folder = "MNIST"},
      {.name = "kmnist", .classes = {"o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"}, .folder = "KMNIST"}};
  for (const char* division : {"letters", "digits", "balanced", "byclass", "bymerge", "mnist"})
    sets.push_back(emnist(division));
  return sets;
}

// Names that a file has in one download or another: plain or compressed, with "-" or "." before "idx", or in a folder
// of its own name.
std::optional<fs::path> find_named(const fs::path& dir, const std::string& split, const std::string& content) {
  const std::string name = split + "-" + content,
                    dotted = name.substr(0, name.rfind("-idx")) + "." + name.substr(name.rfind("-idx") + 1);
  std::error_code ignored;
  for (const fs::path& file : {fs::path(name), fs::path(dotted), fs::path(name) / name, fs::path(dotted) / dotted})
    for (const char* suffix : {"", ".gz"})
      if (fs::path path = dir / (file.string() + suffix); fs::is_regular_file(path, ignored)) return path;
  return {};
}

fs::path find_file(const IdxSet& set, const fs::path& dir, bool test, const std::string& content) {
  for (const fs::path& folder : {dir, dir / set.folder / "raw"}) {
    if (const auto own = find_named(folder, set.name + (test ? "-test" : "-train"), content)) return *own;
    if (const auto common = find_named(folder, test ? "t10k" : "train", content)) return *common;
  }
  throw BadInput("{0}: {1} has no {2}-{3} or {2}-{3}.gz. {4}give the folder with the four IDX files as --data-dir",
                 set.name, dir.string(), test ? "t10k" : "train", content,
                 set.name == "fashion-mnist" ? "Run `apt install dataset-fashion-mnist`, or " : "Copy it there, or ");
}

Dataset read_split(const IdxSet& set, const fs::path& dir, bool test) {
  IdxFile images(find_file(set, dir, test, "images-idx3-ubyte")),
      labels(find_file(set, dir, test, "labels-idx1-ubyte"));
  images.expect_magic(kImagesMagic, "images");
  labels.expect_magic(kLabelsMagic, "labels");
  const int64_t n = images.read_number(), h = images.read_number(), w = images.read_number();
  const int64_t count = labels.read_number();
  if (n == 0 || h == 0 || w == 0 || h > 1024 || w > 1024)
    throw BadInput("{}: byte 4: {} images of {} x {} are not possible. {}", images.path(), n, h, w, kCopyAgain);
  if (n != count)
    throw BadInput("{}: byte 4: {} labels, but {} has {} images. Put two files of one set together", labels.path(),
                   count, images.path(), n);
  images.expect_room(n * h * w);

  Dataset d = set.transposed ? allocate_dataset(set.name, n, w, h, 1) : allocate_dataset(set.name, n, h, w, 1);
  d.classes = set.classes;
  std::vector<uint8_t> stored(set.transposed ? size_t(h * w) : 0);
  for (int64_t i = 0; i < n; ++i) {
    uint8_t* image = d.pixels().as<uint8_t>() + i * h * w;
    images.read(set.transposed ? stored.data() : image, h * w);
    for (size_t p = 0; p < stored.size(); ++p) image[int64_t(p) % w * h + int64_t(p) / w] = stored[p];
  }
  images.expect_end();
  std::vector<uint8_t> bytes(static_cast<size_t>(n));
  labels.read(bytes.data(), n);
  labels.expect_end();
  for (int64_t i = 0; i < n; ++i) {
    const int64_t label = bytes[size_t(i)] - set.first_label;
    check_label(labels.path(), i, label, d.classes.size());
    d.labels.as<int32_t>()[i] = int32_t(label);
  }
  return d;
}

}  // namespace

std::vector<std::string> idx_datasets() {
  std::vector<std::string> names;
  for (const IdxSet& set : idx_sets()) names.push_back(set.name);
  return names;
}

Splits open_idx(const std::string& name, const std::string& dir) {
  const std::vector<IdxSet> sets = idx_sets();
  const auto set = std::find_if(sets.begin(), sets.end(), [&](const IdxSet& s) { return s.name == name; });
  CHECK(set != sets.end(), "{} is no set of IDX files", name);
  const bool fashion = name == "fashion-mnist";
  if (dir.empty() && !fashion) throw BadInput("{}: give the folder with the four IDX files as --data-dir", name);
  const fs::path folder = dir.empty() ? kDebianFolder : dir;
  Splits s{read_split(*set, folder, false), read_split(*set, folder, true)};
  if (fashion) {  // published figures; those of other sets are computed
    s.train.mean[0] = 0.2860f;
    s.train.std[0] = 0.3530f;
  } else {
    set_statistics(s.train);
  }
  s.test.mean[0] = s.train.mean[0];
  s.test.std[0] = s.train.std[0];
  return s;
}

std::string idx_set_in(const std::string& dir) {
  for (const IdxSet& set : idx_sets())
    if (set.transposed && find_named(dir, set.name + "-train", "images-idx3-ubyte")) return set.name;
  if (find_named(dir, "train", "images-idx3-ubyte"))
    throw BadInput(
        "{0}: has IDX files, whose names do not say of which set. Give --data mnist, fashion-mnist, kmnist or "
        "emnist-letters with --data-dir {0}",
        dir);
  return {};
}

}  // namespace skein
