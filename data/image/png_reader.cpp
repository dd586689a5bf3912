// PNG decoding with libspng (https://libspng.org), which verifies the CRC of every chunk and the Adler-32 checksum of
// the pixels. Rows are decoded one at a time, except of interlaced files.
#include <fmt/format.h>
#include <spng.h>

#include <algorithm>
#include <vector>

#include "data/image/image_reader.h"

namespace skein {
namespace {

class PngReader final : public ImageReader {
 public:
  bool reads(FileBytes file) const override { return is_png(file); }

  ImageSize open(FileBytes file) override {
    context_.reset(spng_ctx_new(0));
    if (!context_) throw std::bad_alloc();
    check(spng_set_crc_action(context_.get(), SPNG_CRC_ERROR, SPNG_CRC_ERROR));
    check(spng_set_chunk_limits(context_.get(), kMostChunkBytes, kMostChunkBytes));
    left_ = file;
    cut_ = false;
    check(spng_set_png_stream(context_.get(), read, this));
    check(spng_get_ihdr(context_.get(), &header_));
    return {header_.width, header_.height};
  }

  int64_t start(int, PixelRange, PixelRange rows) override {
    interlaced_ = header_.interlace_method != SPNG_INTERLACE_NONE;
    const size_t row = size_t(header_.width) * 4, bytes = interlaced_ ? row * header_.height : row;
    pixels_.resize(bytes);
    next_ = 0;
    if (interlaced_) {
      check(spng_decode_image(context_.get(), pixels_.data(), bytes, SPNG_FMT_RGBA8, 0));
      check_end();
      next_ = rows.begin;
      return 0;
    }
    check(spng_decode_image(context_.get(), nullptr, 0, SPNG_FMT_RGBA8, SPNG_DECODE_PROGRESSIVE));
    while (next_ < rows.begin) row_of_file();
    return 0;
  }

  const uint8_t* row() override {
    if (interlaced_) return pixels_.data() + next_++ * int64_t(header_.width) * 4;
    row_of_file();
    return pixels_.data();
  }

  void finish() override {
    context_.reset();
    pixels_.clear();
  }
  bool can_scale() const override { return false; }
  bool grey() const override {
    return header_.color_type == SPNG_COLOR_TYPE_GRAYSCALE || header_.color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA;
  }
  const char* name() const override { return "libspng"; }

 private:
  // Decodes the next row. After the last one, reads the rest of the file, which must be whole.
  void row_of_file() {
    const int result = spng_decode_row(context_.get(), pixels_.data(), pixels_.size());
    if (++next_ < int64_t(header_.height)) return check(result);
    if (result != SPNG_EOI) check(result);
    check_end();
  }

  // libspng asks for bytes of the file. It accepts a file whose last chunk lacks its CRC, so the end is noted here.
  static int read(spng_ctx*, void* reader, void* to, size_t bytes) {
    PngReader& self = *static_cast<PngReader*>(reader);
    if (bytes > self.left_.size()) {
      self.cut_ = true;
      return SPNG_IO_EOF;
    }
    std::copy_n(self.left_.begin(), bytes, static_cast<uint8_t*>(to));
    self.left_ = self.left_.subspan(bytes);
    return 0;
  }

  // Reads the chunks after the pixels.
  void check_end() {
    check(spng_decode_chunks(context_.get()));
    if (cut_) throw BadImage("the PNG file is cut short");
  }

  static void check(int result) {
    if (result == SPNG_EMEM) throw std::bad_alloc();
    if (result != 0) throw BadImage(fmt::format("the PNG file is damaged or cut short: {}", spng_strerror(result)));
  }

  struct Free {
    void operator()(spng_ctx* context) const { spng_ctx_free(context); }
  };
  std::unique_ptr<spng_ctx, Free> context_;
  spng_ihdr header_ = {};
  std::vector<uint8_t> pixels_;  // RGBX: a row, or all of an interlaced file
  FileBytes left_;               // of the file, not yet read
  bool interlaced_ = false, cut_ = false;
  int64_t next_ = 0;  // row
};

}  // namespace

std::unique_ptr<ImageReader> make_png_reader() { return std::make_unique<PngReader>(); }

}  // namespace skein
