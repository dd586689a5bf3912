// BMP, PNG and JPEG decoding with stb_image.
#include <stb/stb_image.h>

#include <cstdlib>
#include <vector>

#include "data/image/image_file.h"
#include "data/image/jpeg/markers.h"

namespace skein {
namespace {

// Segments that define every quantisation and Huffman table, to be inserted at the start of a file; the file's own
// tables replace them. stb_image 2.27 reads uninitialised memory if a file uses a table that it does not define.
std::vector<uint8_t> default_tables() {
  std::vector<uint8_t> bytes = {0xff, 0xdb, 0x01, 0x06};  // length 2 + 4 * 65
  for (uint8_t table = 0; table < 4; ++table) {
    bytes.push_back(table);
    bytes.insert(bytes.end(), 64, 1);
  }
  bytes.insert(bytes.end(), {0xff, 0xc4, 0x00, 0x92});  // length 2 + 8 * 18
  for (uint8_t table : {0x00, 0x01, 0x02, 0x03, 0x10, 0x11, 0x12, 0x13}) {
    bytes.push_back(table);
    bytes.push_back(1);  // one symbol, of one bit
    bytes.insert(bytes.end(), 16, 0);
  }
  return bytes;
}

class StbReader final : public ImageReader {
 public:
  bool reads(FileBytes) const override { return true; }

  ImageSize open(FileBytes file) override {
    file_ = file;
    if (is_jpeg(file)) {
      check_jpeg(read_markers(file));
      static const std::vector<uint8_t> tables = default_tables();
      copy_.assign(file.begin(), file.begin() + 2);
      copy_.insert(copy_.end(), tables.begin(), tables.end());
      copy_.insert(copy_.end(), file.begin() + 2, file.end());
      file_ = copy_;
    } else if (is_bmp(file)) {
      check_bmp(file);
    } else if (is_webp(file)) {
      throw BadImage("a WebP file, and skein was built without libwebp: install libwebp-dev and build again");
    } else if (!is_png(file)) {
      throw BadImage("unknown image type: not JPEG, PNG, WebP or BMP");
    } else if (file.size() >= 24) {
      check_size({big_endian(file, 16), big_endian(file, 20)});  // stb_image gives another reason for large ones
    }
    int width = 0, height = 0;
    if (!stbi_info_from_memory(file_.data(), int(file_.size()), &width, &height, &channels_))
      throw BadImage(stbi_failure_reason());
    size_ = {width, height};
    return size_;
  }

  int64_t start(int, PixelRange, PixelRange rows) override {
    int width = 0, height = 0, channels = 0;
    pixels_.reset(stbi_load_from_memory(file_.data(), int(file_.size()), &width, &height, &channels, 4));
    if (!pixels_) throw BadImage(stbi_failure_reason());
    if (width != size_.width || height != size_.height) throw BadImage("header and image differ in size");
    next_ = rows.begin;
    return 0;
  }

  const uint8_t* row() override { return pixels_.get() + next_++ * size_.width * 4; }
  void finish() override { pixels_.reset(); }
  bool can_scale() const override { return false; }
  bool grey() const override { return channels_ <= 2; }  // with alpha or without
  const char* name() const override { return "stb_image"; }

 private:
  static int64_t big_endian(FileBytes b, size_t at) {
    return int64_t(b[at]) << 24 | int64_t(b[at + 1]) << 16 | int64_t(b[at + 2]) << 8 | b[at + 3];
  }

  // stb_image fills missing parts of a JPEG with grey and reports no error.
  static void check_jpeg(const JpegMarkers& markers) {
    if (!markers.well_formed) throw BadImage("the segments of the JPEG file are damaged or cut short");
    if (!markers.complete) throw BadImage("the JPEG file is cut short: there is no end marker");
  }

  // stb_image fills missing parts of a BMP with zeros and reports no error. Fields: BITMAPFILEHEADER and
  // BITMAPINFOHEADER (or BITMAPCOREHEADER, of 12 bytes), little endian.
  static void check_bmp(FileBytes file) {
    const auto number = [&](size_t at, size_t bytes) {
      uint32_t value = 0;
      for (size_t i = 0; i < bytes; ++i) value |= uint32_t(file[at + i]) << 8 * i;
      return int64_t(value);
    };
    const bool core = number(14, 4) == 12;
    if (!core && file.size() < 34) throw BadImage("the BMP file is cut short");
    const int64_t begin = number(10, 4), width = core ? number(18, 2) : number(18, 4);
    const int64_t height = core ? number(20, 2) : std::abs(int64_t(int32_t(number(22, 4))));
    const int64_t bits = number(core ? 24 : 28, 2), compression = core ? 0 : number(30, 4);
    if (compression != 0 && compression != 3) throw BadImage("a compressed BMP file");
    if (bits > 32) throw BadImage("the BMP file is damaged");
    check_size({width, height});
    if (begin + (width * bits + 31) / 32 * 4 * height > int64_t(file.size()))
      throw BadImage("the BMP file is cut short");
  }

  struct Free {
    void operator()(uint8_t* p) const { stbi_image_free(p); }
  };
  FileBytes file_;
  std::vector<uint8_t> copy_;  // JPEG file with the default tables inserted
  ImageSize size_;
  int channels_ = 0;
  std::unique_ptr<uint8_t, Free> pixels_;
  int64_t next_ = 0;
};

}  // namespace

std::unique_ptr<ImageReader> make_stb_reader() { return std::make_unique<StbReader>(); }

}  // namespace skein
