// JPEG decoding and encoding with libjpeg-turbo: all kinds of files, whole or damaged in ways that it tolerates.
//
// The order of the first three includes matters.
// clang-format off
#include <cstdio>
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include <algorithm>
#include <csetjmp>
#include <cstdlib>
#include <vector>

#include "base/check.h"
#include "data/image/image_reader.h"
#include "data/image/jpeg/markers.h"

namespace skein {
namespace {

constexpr int kMaxScans = 500;  // of a progressive file: each costs a pass over all coefficients

// State of the error callbacks, which leave libjpeg's C code by longjmp. No object with a destructor may be alive
// between setjmp and longjmp.
struct ErrorState {
  jpeg_error_mgr manager;
  jmp_buf jump;
  bool damaged;
  char reason[JMSG_LENGTH_MAX];
};

[[noreturn]] void fail(j_common_ptr info, bool damaged) {
  auto* error = reinterpret_cast<ErrorState*>(info->err);
  error->manager.format_message(info, error->reason);
  error->damaged = damaged;
  longjmp(error->jump, 1);
}

void on_error(j_common_ptr info) {
  const int code = info->err->msg_code;
  fail(info, code == JERR_INPUT_EOF || code == JERR_INPUT_EMPTY);
}

// Warnings that mean damage (data that end early or do not decode) are errors. Others, such as stray bytes between two
// segments, are not.
void on_message(j_common_ptr info, int level) {
  const int code = info->err->msg_code;
  if (level == -1 &&
      (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE || code == JWRN_MUST_RESYNC))
    fail(info, true);
}

void on_progress(j_common_ptr info) {
  const auto* decompress = reinterpret_cast<j_decompress_ptr>(info);
  if (!info->is_decompressor || decompress->input_scan_number <= kMaxScans) return;
  auto* error = reinterpret_cast<ErrorState*>(info->err);
  std::snprintf(error->reason, sizeof error->reason, "more than %d scans", kMaxScans);
  error->damaged = true;
  longjmp(error->jump, 1);
}

void set_handlers(ErrorState& error) {
  jpeg_std_error(&error.manager);
  error.manager.error_exit = on_error;
  error.manager.emit_message = on_message;
  error.manager.output_message = [](j_common_ptr) {};
}

class JpegTurboReader final : public ImageReader {
 public:
  JpegTurboReader() {
    set_handlers(error_);
    progress_.progress_monitor = on_progress;
    create();
  }
  ~JpegTurboReader() override { jpeg_destroy_decompress(&info_); }
  JpegTurboReader(const JpegTurboReader&) = delete;
  JpegTurboReader& operator=(const JpegTurboReader&) = delete;

  bool reads(FileBytes file) const override { return is_jpeg(file); }

  ImageSize open(FileBytes file) override {
    // A new decompressor for each image: it would use the tables of the previous image if this one lacks them.
    jpeg_destroy_decompress(&info_);
    create();
    if (!read_header(file)) refuse();
    return {int64_t(info_.image_width), int64_t(info_.image_height)};
  }

  int64_t start(int denominator, PixelRange columns, PixelRange rows) override {
    info_.scale_num = 1;
    info_.scale_denom = unsigned(denominator);
    const bool four = info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
    info_.out_color_space = four ? JCS_CMYK : JCS_EXT_RGBX;
    if (!start_decompress(columns, rows)) refuse();
    row_.resize(kMisaligned + size_t(info_.output_width) * 4);
    return origin_;
  }

  const uint8_t* row() override {
    if (!read_row()) refuse();
    if (info_.out_color_space == JCS_CMYK) to_rgbx();
    return row_.data() + kMisaligned;
  }

  void finish() override { jpeg_abort_decompress(&info_); }
  bool can_scale() const override { return true; }
  bool grey() const override { return info_.num_components == 1; }
  const char* name() const override { return "libjpeg-turbo"; }

 private:
  void create() {
    info_.err = &error_.manager;
    jpeg_create_decompress(&info_);
    info_.progress = &progress_;
  }

  [[noreturn]] void refuse() {
    finish();
    throw BadImage(error_.reason, error_.damaged);
  }

  bool read_header(FileBytes file) {
    if (setjmp(error_.jump)) return false;
    jpeg_mem_src(&info_, file.data(), static_cast<unsigned long>(file.size()));
    jpeg_read_header(&info_, TRUE);
    return true;
  }

  bool start_decompress(PixelRange columns, PixelRange rows) {
    if (setjmp(error_.jump)) return false;
    jpeg_start_decompress(&info_);
    // Chroma at the edge of the cut is interpolated differently from the whole image: keep the edge outside the crop.
    constexpr int64_t kMargin = 4;
    const int64_t from = std::max<int64_t>(0, columns.begin - kMargin);
    JDIMENSION first = JDIMENSION(from);
    JDIMENSION width = JDIMENSION(std::min<int64_t>(info_.output_width, columns.end + kMargin) - from);
    if (width < info_.output_width)
      jpeg_crop_scanline(&info_, &first, &width);
    else
      first = 0;
    origin_ = int64_t(first);
    if (rows.begin > 0) jpeg_skip_scanlines(&info_, JDIMENSION(rows.begin));
    return true;
  }

  bool read_row() {
    if (setjmp(error_.jump)) return false;
    JSAMPROW row = row_.data() + kMisaligned;
    jpeg_read_scanlines(&info_, &row, 1);
    return true;
  }

  // CMYK to RGBX. CMYK values are inverted, as Adobe's programs write them.
  void to_rgbx() {
    for (size_t i = kMisaligned; i < row_.size(); i += 4)
      for (size_t c = 0; c < 3; ++c) row_[i + c] = uint8_t((row_[i + c] * row_[i + 3] + 127) / 255);
  }

  jpeg_decompress_struct info_{};
  ErrorState error_{};
  jpeg_progress_mgr progress_{};
  // Offset of the row: libjpeg-turbo writes an aligned row with stores that bypass the cache.
  static constexpr size_t kMisaligned = 4;
  std::vector<uint8_t> row_;
  int64_t origin_ = 0;
};

struct Encoder {
  jpeg_compress_struct info{};
  ErrorState error{};
  unsigned char* memory = nullptr;
  unsigned long size = 0;

  Encoder() {
    set_handlers(error);
    info.err = &error.manager;
    jpeg_create_compress(&info);
  }
  ~Encoder() {
    jpeg_destroy_compress(&info);
    std::free(memory);
  }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  bool encode(const uint8_t* rgb, ImageSize s, int quality, const JpegLayout& layout) {
    if (setjmp(error.jump)) return false;
    jpeg_mem_dest(&info, &memory, &size);
    info.image_width = JDIMENSION(s.width);
    info.image_height = JDIMENSION(s.height);
    info.input_components = 3;
    info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, quality, TRUE);
    if (layout.grey) jpeg_set_colorspace(&info, JCS_GRAYSCALE);
    info.comp_info[0].h_samp_factor = layout.grey ? 1 : layout.across;
    info.comp_info[0].v_samp_factor = layout.grey ? 1 : layout.down;
    info.restart_interval = unsigned(layout.restart_interval);
    jpeg_start_compress(&info, TRUE);
    while (info.next_scanline < info.image_height) {
      auto* row = const_cast<JSAMPROW>(rgb + int64_t(info.next_scanline) * s.width * 3);
      jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
    return true;
  }
};

}  // namespace

std::unique_ptr<ImageReader> make_jpeg_turbo_reader() { return std::make_unique<JpegTurboReader>(); }

std::string encode_jpeg(const uint8_t* rgb, ImageSize size, int quality, const JpegLayout& layout) {
  Encoder encoder;
  if (!encoder.encode(rgb, size, quality, layout))
    throw RunFailed("an image cannot be encoded: {}", encoder.error.reason);
  return {reinterpret_cast<const char*>(encoder.memory), encoder.size};
}

#define SKEIN_TEXT(x) #x
#define SKEIN_TEXT_OF(x) SKEIN_TEXT(x)
const char* jpeg_library() { return "libjpeg-turbo " SKEIN_TEXT_OF(LIBJPEG_TURBO_VERSION); }

}  // namespace skein
