#include <zlib.h>

#include <filesystem>

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

fs::path find_file(const fs::path& dir, const std::string& name) {
  for (const char* suffix : {"", ".gz"})
    if (fs::exists(dir / (name + suffix))) return dir / (name + suffix);
  throw BadInput(
      "fashion-mnist: {0} has no {1} or {1}.gz. Run `apt install dataset-fashion-mnist`, or give the folder with the "
      "four IDX files as --data-dir",
      dir.string(), name);
}

Dataset read_split(const fs::path& dir, const std::string& prefix) {
  IdxFile images(find_file(dir, prefix + "-images-idx3-ubyte")), labels(find_file(dir, prefix + "-labels-idx1-ubyte"));
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

  Dataset d = allocate_dataset("fashion-mnist", n, h, w, 1);
  d.classes = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
               "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
  d.mean[0] = 0.2860f;
  d.std[0] = 0.3530f;
  images.read(d.images.as<uint8_t>(), n * h * w);
  images.expect_end();
  std::vector<uint8_t> bytes(static_cast<size_t>(n));
  labels.read(bytes.data(), n);
  labels.expect_end();
  for (int64_t i = 0; i < n; ++i) {
    check_label(labels.path(), i, bytes[size_t(i)], d.classes.size());
    d.labels.as<int32_t>()[i] = bytes[size_t(i)];
  }
  return d;
}

}  // namespace

Splits open_fashion_mnist(const std::string& dir) {
  const fs::path folder = dir.empty() ? kDebianFolder : dir;
  return {read_split(folder, "train"), read_split(folder, "t10k")};
}

}  // namespace skein
