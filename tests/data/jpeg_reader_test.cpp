// skein's own JPEG decoder against libjpeg-turbo: the same bits of all pixels, and the same result for damaged files.
#include <random>

#include "data/formats/folders/image_source.h"
#include "data/image/image_decoder.h"
#include "data/image/jpeg/huffman.h"
#include "data/image/jpeg/idct.h"
#include "tests/support/image_files.h"

namespace skein::testing {
namespace {

using Random = std::mt19937;

int64_t below(Random& random, int64_t n) { return int64_t(random() % uint64_t(n)); }

PixelRange random_range(Random& random, int64_t n) {
  const int64_t begin = below(random, n);
  return {begin, begin + 1 + below(random, n - begin)};
}

// RGB pixels of the given columns and rows.
std::vector<uint8_t> pixels(ImageReader& reader, FileBytes file, PixelRange columns, PixelRange rows) {
  reader.open(file);
  const int64_t origin = reader.start(1, columns, rows);
  std::vector<uint8_t> out;
  for (int64_t y = rows.begin; y < rows.end; ++y) {
    const uint8_t* row = reader.row();
    for (int64_t x = columns.begin; x < columns.end; ++x)
      out.insert(out.end(), row + 4 * (x - origin), row + 4 * (x - origin) + 3);
  }
  reader.finish();
  return out;
}

struct JpegReader : ::testing::Test {
  std::unique_ptr<ImageReader> own = make_jpeg_reader(), turbo = make_jpeg_turbo_reader();
  Random random{1};

  void SetUp() override {
    if (!turbo) GTEST_SKIP() << "libjpeg-turbo is not in this build";
  }

  // Compares the whole image and some parts of it.
  void expect_equal(FileBytes file, int pieces) {
    const ImageSize size = turbo->open(file);
    for (int i = 0; i <= pieces; ++i) {
      PixelRange columns{0, size.width}, rows{0, size.height};
      if (i > 0) columns = random_range(random, size.width), rows = random_range(random, size.height);
      ASSERT_EQ(pixels(*own, file, columns, rows), pixels(*turbo, file, columns, rows))
          << "columns " << columns.begin << " to " << columns.end << ", rows " << rows.begin << " to " << rows.end;
    }
  }

  // Smooth in one part and noise in the other, so that there are blocks with few and with many coefficients.
  std::string image(ImageSize size, int quality, const JpegLayout& layout) {
    std::vector<uint8_t> rgb;
    for (int64_t y = 0; y < size.height; ++y)
      for (int64_t x = 0; x < size.width; ++x)
        for (int64_t c = 0; c < 3; ++c)
          rgb.push_back(uint8_t(3 * x < size.width ? 5 * x + 3 * y * c : int64_t(random() >> 8)));
    return encode_jpeg(rgb.data(), size, quality, layout);
  }

  // Result of decoding a file: the error, or the pixels of a crop.
  static std::string outcome(ImageDecoder& decoder, FileBytes file) {
    try {
      const ImageSize size = decoder.open(file);
      const int64_t x = size.width / 3, y = size.height / 2;
      const Crop crop{{double(x), double(size.width - x), x, size.width},
                      {double(y), 3, y, std::min(y + 3, size.height)}};
      std::vector<float> out(size_t(3 * (size.width - x) * 3));
      decoder.decode(crop, PixelScale{}, {size.width - x, 3}, out.data());
      return {reinterpret_cast<const char*>(out.data()), out.size() * sizeof(float)};
    } catch (const BadImage& e) {
      return e.what();
    }
  }
};

TEST_F(JpegReader, HasThePixelsOfLibjpegTurbo) {
  constexpr ImageSize kSizes[] = {{1, 1}, {2, 2},   {3, 1},   {4, 5},   {5, 33},
                                  {7, 9}, {16, 16}, {17, 33}, {33, 17}, {70, 50}};
  for (const JpegLayout layout :
       {JpegLayout{1, 1}, JpegLayout{2, 1}, JpegLayout{2, 2}, JpegLayout{1, 2}, JpegLayout{1, 1, true}})
    for (const ImageSize size : kSizes)
      for (const int quality : {10, 75, 100})
        for (const int interval : {0, 1, 3}) {
          JpegLayout with = layout;
          with.restart_interval = interval;
          const std::string file = image(size, quality, with);
          SCOPED_TRACE(fmt::format("{} x {}, {}:{}, grey {}, quality {}, restart {}", size.width, size.height,
                                   layout.across, layout.down, layout.grey, quality, interval));
          expect_equal(bytes_of(file), 3);
          if (HasFatalFailure()) return;
        }
}

TEST_F(JpegReader, EveryPiece) {
  for (const JpegLayout layout : {JpegLayout{1, 1}, JpegLayout{2, 1}, JpegLayout{2, 2}, JpegLayout{1, 2}}) {
    const std::string file = image({37, 35}, 90, layout);
    const auto whole = pixels(*turbo, bytes_of(file), {0, 37}, {0, 35});
    for (int64_t x = 0; x < 37; ++x)
      for (int64_t y = 0; y < 35; y += x % 2 + 1) {
        const auto one = pixels(*own, bytes_of(file), {x, x + 1}, {y, y + 1});
        ASSERT_TRUE(std::equal(one.begin(), one.end(), whole.begin() + 3 * (37 * y + x))) << x << "," << y;
      }
  }
}

TEST_F(JpegReader, DecodesTheCommonFilesAndLeavesTheOthers) {
  ImageDecoder decoder;
  const auto decoder_of = [&](const std::string& file) {
    outcome(decoder, bytes_of(file));
    return std::string(decoder.decoder());
  };
  for (const char* name : {"baseline.jpg", "wide422.jpg", "full444.jpg", "grey.jpg"}) {
    const std::string file = image_file(name);
    EXPECT_EQ(decoder_of(file), "skein") << name;
    expect_equal(bytes_of(file), 20);
  }
  for (const char* name : {"progressive.jpg", "cmyk.jpg", "ycck.jpg"})
    EXPECT_EQ(decoder_of(image_file(name)), "libjpeg-turbo") << name;
  std::string rgb = image_file("full444.jpg");  // component identifiers R, G and B
  const size_t frame = rgb.find("\xff\xc0"), scan = rgb.find("\xff\xda");
  for (size_t c = 0; c < 3; ++c) rgb[frame + 10 + 3 * c] = rgb[scan + 5 + 2 * c] = "RGB"[c];
  EXPECT_EQ(decoder_of(rgb), "libjpeg-turbo");
  EXPECT_EQ(decoder_of(image_file("baseline.jpg")), "skein");
}

TEST_F(JpegReader, RealImages) {
  const fs::path archive = fs::path(SKEIN_SOURCE_DIR) / "../shared/data/imagenet-sample.tar";
  if (!fs::exists(archive)) GTEST_SKIP() << archive << " is not here";
  const auto tar = open_archive_source(archive.string());
  std::vector<bool> every_eighth(tar->entries.size());
  for (size_t i = 0; i < every_eighth.size(); i += 8) every_eighth[i] = has_image_extension(tar->entries[i].path);
  std::vector<uint8_t> file;
  std::string reason;
  for (size_t entry = 0; tar->next(every_eighth, entry, file, reason);) {
    SCOPED_TRACE(tar->entries[entry].path);
    expect_equal(file, 1);
  }
}

// The same result as libjpeg-turbo, even if the damage lies outside the crop.
TEST_F(JpegReader, EndsLikeTheLibraryWhereverAFileIsCut) {
  ImageDecoder decoder, library(FirstDecoder::libjpeg_turbo);
  for (const int interval : {0, 2}) {
    const std::string file = image({60, 50}, 80, {.restart_interval = interval});
    for (size_t n = 0; n < file.size(); n += 7)
      ASSERT_EQ(outcome(decoder, bytes_of(file.substr(0, n))), outcome(library, bytes_of(file.substr(0, n)))) << n;
  }
}

TEST_F(JpegReader, EndsLikeTheLibraryForDamagedBytes) {
  ImageDecoder decoder, library(FirstDecoder::libjpeg_turbo);
  int decoded = 0, refused = 0;
  for (int i = 0; i < 1500; ++i) {
    const JpegLayout layout{1 + i % 2, 1 + i / 2 % 2, i % 5 == 0, i % 3};
    std::string file = image({40, 40}, 60 + i % 40, layout);
    for (int64_t n = 1 + below(random, 3); n > 0; --n)
      file[size_t(below(random, int64_t(file.size())))] = char(random());
    const std::string want = outcome(library, bytes_of(file));
    ASSERT_TRUE(outcome(decoder, bytes_of(file)) == want) << i << ": libjpeg-turbo: " << want.substr(0, 60);
    decoded += decoder.decoder() == std::string("skein");
    refused += want.size() < 100;
  }
  EXPECT_GT(decoded, 300);
  EXPECT_GT(refused, 100);
}

TEST(JpegTransform, IsTheSameOnEveryProcessor) {
  Random random(2);
  for (int i = 0; i < 400; ++i) {
    const int64_t n = 1 + i % 5, range = int64_t(2) << i % 12;
    uint16_t quant[64];
    std::vector<int16_t> a(size_t(64 * n));
    std::vector<uint8_t> from(size_t(64 * n)), plain(from);
    for (auto& q : quant) q = uint16_t(1 + below(random, i % 40 == 0 ? 65535 : 255));
    for (int64_t block = 0; block < n; ++block)
      for (int64_t k = 0, last = below(random, i % 3 == 0 ? 64 : 3); k <= last; ++k)
        a[size_t(64 * block + kJpegNatural[k])] = int16_t(below(random, range) - range / 2);
    std::vector<int16_t> b = a;
    const bool sane = jpeg_inverse_transform(a.data(), n, quant, from.data(), 8 * n);
    ASSERT_EQ(jpeg_transform_plain(b.data(), n, quant, plain.data(), 8 * n), sane);
    if (!sane) std::fill(from.begin(), from.end(), 0), std::fill(plain.begin(), plain.end(), 0);
    ASSERT_EQ(from, plain) << i;
    ASSERT_EQ(a, std::vector<int16_t>(a.size(), 0));
    ASSERT_EQ(a, b);
  }
}

TEST(HuffmanTable, RefusesWhatIsNotACode) {
  HuffmanTable table;
  HuffmanCode code;
  EXPECT_TRUE(table.make_ac(code));
  code.counts[0] = 1;
  EXPECT_TRUE(table.make_ac(code));
  code.counts[0] = 2;  // a code of all ones
  EXPECT_FALSE(table.make_ac(code));
  code.counts[0] = 1;
  code.counts[2] = 4;  // more codes than exist
  EXPECT_FALSE(table.make_ac(code));
  std::fill(std::begin(code.counts), std::end(code.counts), uint8_t(255));
  EXPECT_FALSE(table.make_dc(code));
  HuffmanCode large;
  large.counts[3] = 1;
  large.symbols[0] = 16;
  EXPECT_TRUE(table.make_ac(large));
  EXPECT_FALSE(table.make_dc(large));
}

}  // namespace
}  // namespace skein::testing
