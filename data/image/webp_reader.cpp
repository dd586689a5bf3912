// WebP decoding with libwebp: lossy and lossless files of one image.
#include <webp/decode.h>

#include <vector>

#include "data/image/image_reader.h"

namespace skein {
namespace {

class WebpReader final : public ImageReader {
 public:
  bool reads(FileBytes file) const override { return is_webp(file); }

  ImageSize open(FileBytes file) override {
    file_ = file;
    WebPBitstreamFeatures features;
    check(WebPGetFeatures(file.data(), file.size(), &features));
    size_ = {features.width, features.height};
    return size_;
  }

  int64_t start(int, PixelRange, PixelRange rows) override {
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) throw BadImage("this version of libwebp is another one than at build time");
    pixels_.resize(size_t(size_.width * size_.height * 4));
    config.output.colorspace = MODE_RGBA;
    config.output.is_external_memory = 1;
    config.output.u.RGBA = {pixels_.data(), int(size_.width * 4), pixels_.size()};
    check(WebPDecode(file_.data(), file_.size(), &config));
    next_ = rows.begin;
    return 0;
  }

  const uint8_t* row() override { return pixels_.data() + next_++ * size_.width * 4; }
  void finish() override {
    pixels_.clear();
    pixels_.shrink_to_fit();
  }
  bool can_scale() const override { return false; }
  bool grey() const override { return false; }
  const char* name() const override { return "libwebp"; }

 private:
  static void check(VP8StatusCode status) {
    if (status == VP8_STATUS_OK) return;
    if (status == VP8_STATUS_OUT_OF_MEMORY) throw std::bad_alloc();
    throw BadImage(status == VP8_STATUS_NOT_ENOUGH_DATA ? "the WebP file is cut short" : "the WebP file is damaged");
  }

  FileBytes file_;
  ImageSize size_;
  std::vector<uint8_t> pixels_;  // RGBX
  int64_t next_ = 0;             // row
};

}  // namespace

std::unique_ptr<ImageReader> make_webp_reader() { return std::make_unique<WebpReader>(); }

}  // namespace skein
