// PNG, WebP and BMP: the pixels are right, and a damaged file is refused with a reason.
#include "data/image/preprocessing.h"
#include "tests/support/image_files.h"

namespace skein::testing {
namespace {

std::vector<uint8_t> pixels_of(const std::string& file, FirstDecoder first = FirstDecoder::skein) {
  ImageDecoder decoder(first);
  const ImageSize size = decoder.open(bytes_of(file));
  return decode_whole(decoder, size);
}

// The reason why the file is refused; empty: it is not.
std::string refusal(ImageDecoder& decoder, const std::string& file) {
  try {
    const ImageSize size = decoder.open(bytes_of(file));
    decode_whole(decoder, size);
    return {};
  } catch (const BadImage& e) {
    EXPECT_FALSE(std::string(e.what()).empty());
    return e.what();
  }
}

std::vector<uint8_t> expected_pixels(int w, int h, int64_t image) {
  std::vector<uint8_t> rgb;
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < w; ++x)
      for (int c = 0; c < 3; ++c) rgb.push_back(test_pixel(image, y, x, c));
  return rgb;
}

struct ImageTypes : ::testing::Test {
  TempDir dir;
  std::string png(int channels) {
    write_png(dir / "a.png", 6, 5, channels, 3);
    return read_file(dir / "a.png");
  }
};

TEST_F(ImageTypes, PngLikeStbImage) {
  for (int channels = 1; channels <= 4; ++channels)
    EXPECT_EQ(pixels_of(png(channels)), pixels_of(png(channels), FirstDecoder::stb_image)) << channels;
  for (const char* name : {"palette.png", "interlaced.png", "grey16.png", "grey2.png"})
    EXPECT_EQ(pixels_of(image_file(name)), pixels_of(image_file(name), FirstDecoder::stb_image)) << name;
  EXPECT_EQ(pixels_of(png(3)), expected_pixels(6, 5, 3));
}

TEST_F(ImageTypes, EveryFlippedBitOfAPngIsFound) {
  if (!make_png_reader()) GTEST_SKIP() << "libspng is not in this build";
  ImageDecoder decoder;
  for (const std::string& good : {png(3), image_file("interlaced.png")}) {
    ASSERT_EQ(refusal(decoder, good), "");
    for (size_t i = 0; i < good.size(); ++i) {
      std::string bad = good;
      bad[i] = char(bad[i] ^ (1 << i % 8));
      ASSERT_NE(refusal(decoder, bad), "") << "byte " << i;
      ASSERT_NE(refusal(decoder, good.substr(0, i)), "") << "cut at " << i;
    }
  }
}

TEST_F(ImageTypes, AForgedSizeTakesNoMemory) {
  std::string forged = png(3);
  forged.replace(16, 8, std::string("\0\0\xfd\xe8\0\0\xfd\xe8", 8));  // 65,000 x 65,000
  const auto crc = uint32_t(crc32(0, reinterpret_cast<const Bytef*>(forged.data()) + 12, 17));
  for (size_t i = 0; i < 4; ++i) forged[29 + i] = char(crc >> (24 - 8 * i));
  ImageDecoder decoder;
  EXPECT_EQ(refusal(decoder, forged), "65000 x 65000 pixels; 1 to 100000000 are possible. Scale it down");
}

TEST_F(ImageTypes, Webp) {
  ImageDecoder decoder;
  const std::string file = image_file("lossless.webp");
  if (!make_webp_reader()) {
    EXPECT_NE(refusal(decoder, file).find("install libwebp-dev"), std::string::npos);
    return;
  }
  EXPECT_EQ(pixels_of(file), expected_pixels(6, 5, 3));
  for (size_t n = 0; n < file.size() - 2; ++n) ASSERT_NE(refusal(decoder, file.substr(0, n)), "") << n;
  EXPECT_NE(refusal(decoder, image_file("animated.webp")).find("is an animated WebP"), std::string::npos);
}

TEST_F(ImageTypes, Bmp) {
  const std::vector<uint8_t> rgb = expected_pixels(6, 5, 3);
  ASSERT_NE(stbi_write_bmp((dir / "a.bmp").c_str(), 6, 5, 3, rgb.data()), 0);
  const std::string file = read_file(dir / "a.bmp");
  EXPECT_EQ(pixels_of(file), rgb);
  ImageDecoder decoder;
  for (size_t n = 0; n < file.size(); ++n) ASSERT_NE(refusal(decoder, file.substr(0, n)), "") << n;
}

TEST_F(ImageTypes, Others) {
  ImageDecoder decoder;
  for (const char* start : {"II*", "<!DOCTYPE html>", "RIFF1234AVI "})
    EXPECT_EQ(refusal(decoder, start + std::string(40, ' ')), "unknown image type: not JPEG, PNG, WebP or BMP");
}

}  // namespace
}  // namespace skein::testing
