// skein's own decoder for the common kind of JPEG file (header.h). Pixels have the same bits as libjpeg-turbo's.
// It refuses a file when it finds anything unusual or damaged in it, at any row; a library then decodes the file.
//
//   bytes -> read_jpeg_header(), JpegScan -> read_mcus(): coefficients -> jpeg_inverse_transform(): samples
//         -> jpeg_widen() ...: chroma at full size -> jpeg_rgbx(): pixels
#include <algorithm>
#include <memory>

#include "data/image/jpeg/colour.h"
#include "data/image/jpeg/header.h"
#include "data/image/jpeg/idct.h"
#include "data/image/jpeg/markers.h"

namespace skein {
namespace {

[[noreturn]] void refuse() { throw BadImage("not a common JPEG file, or a damaged one", false); }

class JpegReader final : public ImageReader {
 public:
  bool reads(FileBytes file) const override { return is_jpeg(file); }

  ImageSize open(FileBytes file) override {
    finish();
    auto header = read_jpeg_header(file);
    if (!header) refuse();
    header_ = *header;
    return header_.size;
  }

  int64_t start(int denominator, PixelRange columns, PixelRange rows) override {
    if (denominator != 1 || !scan_.read(header_.data)) refuse();
    make_tables();
    lay_out(columns, rows);
    part_ = 0;
    bits_ = part(0);
    mcus_left_ = header_.restart_interval;
    decoded_ = 0;
    next_ = rows.begin;
    return first_mcu_ * mcu_width_;
  }

  const uint8_t* row() override {
    // If rows are interpolated, libjpeg decodes one row of MCUs ahead and fails if that row is bad.
    const int64_t y = next_++, own = y / mcu_height_;
    const bool ahead = mcu_height_ == 16 && y % 16 >= 14;
    while (decoded_ < std::min(own + 1 + ahead, mcu_rows_)) decode_row();
    const auto n = std::min(header_.size.width, end_mcu_ * mcu_width_) - first_mcu_ * mcu_width_;
    if (header_.components == 1)
      jpeg_rgbx(plane_[0].row(y), n, row_.data());
    else
      jpeg_rgbx(plane_[0].row(y), chroma_row(1, y), chroma_row(2, y), n, row_.data());
    return row_.data();
  }

  void finish() override {}
  // So that the decoder asks: start() leaves files that are to be scaled to libjpeg-turbo.
  bool can_scale() const override { return true; }
  bool grey() const override { return header_.components == 1; }
  const char* name() const override { return "skein"; }

 private:
  // Samples of one component in two rows of MCUs: one is being decoded, the other is still needed for interpolation.
  // Only the MCUs of the crop.
  struct Plane {
    int64_t height = 0;                 // of the component in the image
    int64_t stride = 0, rows = 0;       // of `samples`
    std::vector<int16_t> coefficients;  // of kStrip MCUs
    std::vector<uint8_t> samples;
    uint8_t* row(int64_t y) { return samples.data() + y % rows * stride; }
  };

  void make_tables() {
    for (int c = 0; c < header_.components; ++c) {
      const auto dc = size_t(header_.component[c].dc), ac = size_t(header_.component[c].ac);
      // Components may share tables: each table is made once.
      const auto is_new = [&](auto number, size_t table) {
        return std::none_of(header_.component, header_.component + c,
                            [&](const JpegComponent& other) { return size_t(other.*number) == table; });
      };
      if (is_new(&JpegComponent::dc, dc) && !dc_[dc].make_dc(*header_.dc[dc])) refuse();
      if (is_new(&JpegComponent::ac, ac) && !ac_[ac].make_ac(*header_.ac[ac])) refuse();
    }
  }

  // Determines the MCUs of the crop, including those whose chroma its pixels are interpolated from, and allocates their
  // samples.
  void lay_out(PixelRange columns, PixelRange rows) {
    const int across = header_.component[0].across, down = header_.component[0].down;
    mcu_width_ = 8 * across;
    mcu_height_ = 8 * down;
    const auto [width, height] = header_.size;
    mcus_ = (width + mcu_width_ - 1) / mcu_width_;
    mcu_rows_ = (height + mcu_height_ - 1) / mcu_height_;
    const int64_t beside = across - 1, above = down - 1;
    first_mcu_ = std::max<int64_t>(0, columns.begin - beside) / mcu_width_;
    end_mcu_ = std::min(mcus_, (columns.end + beside + mcu_width_ - 1) / mcu_width_);
    first_row_ = std::max<int64_t>(0, rows.begin - above) / mcu_height_;
    const int64_t mcus = end_mcu_ - first_mcu_;
    blocks_.clear();
    for (int c = 0; c < header_.components; ++c) {
      const JpegComponent& component = header_.component[c];
      Plane& p = plane_[c];
      p.height = c == 0 ? height : (height + down - 1) / down;
      p.stride = mcus * component.across * 8;
      p.rows = 2 * 8 * component.down;
      p.samples.resize(size_t(p.rows * p.stride));
      p.coefficients.assign(size_t(kStrip * component.across * component.down * 64), 0);
      for (int v = 0; v < component.down; ++v)
        for (int h = 0; h < component.across; ++h) {
          const int64_t block = v * kStrip * component.across + h;
          blocks_.push_back(
              {c, &dc_[component.dc], &ac_[component.ac], p.coefficients.data() + 64 * block, component.across});
        }
    }
    row_.resize(size_t(mcus * mcu_width_ * 4));
    for (auto& chroma : chroma_) chroma.resize(size_t(mcus * mcu_width_));
  }

  JpegBits part(size_t i) const {
    const uint8_t* bytes = scan_.bytes.data();
    return {.next = bytes + (i == 0 ? 0 : scan_.ends[i - 1]), .end = bytes + scan_.ends[i]};
  }

  // Continues after the next restart marker.
  void restart() {
    const int64_t unread = 8 * (bits_.end - bits_.next) + int64_t(bits_.count);
    if (unread >= 8 || part_ + 1 >= scan_.ends.size()) refuse();
    bits_ = part(++part_);
    mcus_left_ = header_.restart_interval;
  }

  // Decodes or skips the next MCUs of this row, in pieces that end at restart markers.
  void decode(bool wanted, int64_t mcus) {
    const auto run = wanted ? read_mcus : skip_mcus;
    for (int64_t done = 0; done < mcus;) {
      if (header_.restart_interval > 0 && mcus_left_ == 0) restart();
      const int64_t n = header_.restart_interval > 0 ? std::min(mcus - done, mcus_left_) : mcus - done;
      if (!run(bits_, blocks_, done, done + n)) refuse();
      done += n;
      mcus_left_ -= n;
    }
  }

  void decode_row() {
    const int64_t row = decoded_++;
    if (row < first_row_) return decode(false, mcus_);
    decode(false, first_mcu_);
    for (int64_t mcu = first_mcu_; mcu < end_mcu_; mcu += kStrip) {
      const int64_t n = std::min(kStrip, end_mcu_ - mcu);
      decode(true, n);
      for (int c = 0; c < header_.components; ++c) transform(c, row, mcu - first_mcu_, n);
    }
    decode(false, mcus_ - end_mcu_);
  }

  void transform(int c, int64_t row, int64_t mcu, int64_t mcus) {
    Plane& p = plane_[c];
    const auto [id, across, down, quant, dc, ac] = header_.component[c];
    for (int v = 0; v < down; ++v) {
      const int64_t block = v * kStrip * across;
      if (!jpeg_inverse_transform(p.coefficients.data() + 64 * block, mcus * across,
                                  header_.quant[size_t(quant)]->data(), p.row(8 * (row * down + v)) + 8 * mcu * across,
                                  p.stride))
        refuse();
    }
  }

  // Row y of chroma at the size of luma. As in libjpeg, columns are interpolated only if there are more than two of
  // them.
  const uint8_t* chroma_row(int c, int64_t y) {
    Plane& p = plane_[c];
    const bool across = mcu_width_ == 16, down = mcu_height_ == 16;
    if (!across && !down) return p.row(y);
    const int64_t width = (header_.size.width + mcu_width_ / 8 - 1) / (mcu_width_ / 8);
    const int64_t n = std::min(width - 8 * first_mcu_, p.stride);
    const bool upper = y % 2 == 0;
    const uint8_t* near = p.row(down ? y / 2 : y);
    const uint8_t* far = down ? p.row(std::clamp<int64_t>(y / 2 + (upper ? -1 : 1), 0, p.height - 1)) : near;
    uint8_t* to = chroma_[c - 1].data();
    if (!across)
      jpeg_between(near, far, upper, n, to);
    else if (width <= 2)
      jpeg_repeat(near, n, to);
    else if (down)
      jpeg_widen(near, far, n, to);
    else
      jpeg_widen(near, n, to);
    return to;
  }

  static constexpr int64_t kStrip = 16;  // MCUs at a time: their coefficients fit into the first-level cache

  JpegHeader header_;
  JpegScan scan_;
  HuffmanTable dc_[4], ac_[4];
  int64_t mcu_width_ = 8, mcu_height_ = 8, mcus_ = 0, mcu_rows_ = 0;
  int64_t first_mcu_ = 0, end_mcu_ = 0, first_row_ = 0;  // MCUs of the crop: columns, and the first row
  std::vector<JpegBlock> blocks_;                        // of one MCU
  Plane plane_[3];
  JpegBits bits_;
  size_t part_ = 0;
  int64_t mcus_left_ = 0;  // until the next restart marker
  int64_t decoded_ = 0;    // rows of MCUs
  int64_t next_ = 0;       // row of pixels that row() returns next
  std::vector<uint8_t> row_, chroma_[2];
};

}  // namespace

std::unique_ptr<ImageReader> make_jpeg_reader() { return std::make_unique<JpegReader>(); }

}  // namespace skein
