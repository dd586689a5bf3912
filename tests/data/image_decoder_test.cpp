// Images of tests/images: 40 x 24 pixels, red 6x, green 10y, blue 128 (grey.jpg: 6x), in every kind of JPEG file.
#include "data/image/image_decoder.h"

#include <cmath>
#include <map>

#include "data/image/jpeg/markers.h"
#include "data/image/random_crop.h"
#include "tests/support/image_files.h"

namespace skein::testing {
namespace {

constexpr ImageSize kSize{40, 24};

std::vector<float> decode(ImageDecoder& decoder, const std::string& file, const Crop& crop, ImageSize size,
                          const PixelScale& scale = {}) {
  decoder.open(bytes_of(file));
  std::vector<float> out(size_t(size.width * size.height * 3));
  decoder.decode(crop, scale, size, out.data());
  return out;
}

std::vector<float> decode_whole(const std::string& file) {
  ImageDecoder decoder;
  const ImageSize size = decoder.open(bytes_of(file));
  return decode(decoder, file, whole_image(size), size);
}

// The JPEG file with an EXIF segment of one tag, inserted after the first two bytes.
std::string with_orientation(const std::string& jpeg, int orientation, bool little) {
  const auto number = [&](int value, int bytes) {
    std::string s;
    for (int i = 0; i < bytes; ++i) s += char(value >> 8 * (little ? i : bytes - 1 - i));
    return s;
  };
  const std::string tiff = (little ? "II" : "MM") + number(42, 2) + number(8, 4) + number(1, 2) + number(0x0112, 2) +
                           number(3, 2) + number(1, 4) + number(orientation, 2) + number(0, 2) + number(0, 4);
  const std::string body = std::string("Exif\0\0", 6) + tiff;
  const size_t length = body.size() + 2;
  return jpeg.substr(0, 2) + "\xff\xe1" + char(length >> 8) + char(length & 255) + body + jpeg.substr(2);
}

TEST(ImageDecoder, EveryKindOfJpeg) {
  for (const char* name :
       {"baseline.jpg", "progressive.jpg", "wide422.jpg", "full444.jpg", "grey.jpg", "cmyk.jpg", "ycck.jpg"}) {
    const std::string file = image_file(name);
    ImageDecoder decoder;
    const ImageSize size = decoder.open(bytes_of(file));
    ASSERT_EQ(size.width, 40) << name;
    ASSERT_EQ(size.height, 24) << name;
    const auto out = decode_whole(file);
    for (int64_t y = 0; y < 24; ++y)
      for (int64_t x = 0; x < 40; ++x) {
        const float* p = &out[size_t(3 * (40 * y + x))];
        const bool grey = std::string(name) == "grey.jpg";
        EXPECT_NEAR(p[0], 6 * x, 14) << name << " at " << x << "," << y;
        EXPECT_NEAR(p[1], grey ? 6 * x : 10 * y, 14) << name << " at " << x << "," << y;
        EXPECT_NEAR(p[2], grey ? 6 * x : 128, 14) << name << " at " << x << "," << y;
      }
  }
}

TEST(ImageDecoder, PngIsExactAndAlphaIsDropped) {
  TempDir dir;
  for (const int channels : {1, 3, 4}) {
    write_png(dir / "a.png", 9, 7, channels, 3);
    const auto out = decode_whole(read_file(dir / "a.png"));
    ASSERT_EQ(out.size(), 9u * 7 * 3);
    for (int64_t i = 0; i < 9 * 7; ++i)
      for (int64_t c = 0; c < 3; ++c)
        ASSERT_EQ(out[size_t(3 * i + c)], test_pixel(3, i / 9, i % 9, channels == 1 ? 0 : c)) << channels;
  }
}

// The two libraries agree on every file to within rounding.
TEST(ImageDecoder, TheLibrariesAgree) {
  const auto turbo = make_jpeg_turbo_reader();
  if (!turbo) GTEST_SKIP() << "libjpeg-turbo is not in this build";
  const auto stb = make_stb_reader();
  for (const char* name : {"baseline.jpg", "progressive.jpg", "wide422.jpg", "full444.jpg", "grey.jpg", "cmyk.jpg"}) {
    const std::string file = image_file(name);
    for (ImageReader* reader : {turbo.get(), stb.get()}) {
      const ImageSize size = reader->open(bytes_of(file));
      EXPECT_EQ(size.width, 40);
      EXPECT_EQ(size.height, 24);
      EXPECT_EQ(reader->start(1, {0, 40}, {0, 24}), 0);
    }
    for (int64_t y = 0; y < 24; ++y) {
      const uint8_t *a = turbo->row(), *b = stb->row();
      for (int64_t i = 0; i < 160; ++i) {
        if (i % 4 == 3) continue;
        EXPECT_NEAR(a[i], b[i], 6) << name << " at " << i / 4 << "," << y;
      }
    }
    turbo->finish();
    stb->finish();
  }
}

// A crop decodes only its columns and rows; its pixels have the same bits as those of the whole image.
TEST(ImageDecoder, ACropHasThePixelsOfTheWhole) {
  for (const char* name : {"baseline.jpg", "progressive.jpg", "wide422.jpg", "full444.jpg"}) {
    const std::string file = image_file(name);
    const auto whole = decode_whole(file);
    ImageDecoder decoder;
    for (int64_t x = 0; x < 33; x += 4)
      for (int64_t y = 0; y < 20; y += 3) {
        const Crop crop{{double(x), 7, x, x + 7}, {double(y), 4, y, y + 4}};
        const auto out = decode(decoder, file, crop, {7, 4});
        for (int64_t i = 0; i < 7 * 4 * 3; ++i)
          ASSERT_EQ(out[size_t(i)], whole[size_t(3 * (40 * (y + i / 21) + x + i % 21 / 3) + i % 3)]) << name;
      }
  }
}

// The crop of an image of `width` columns, resampled by the weights of data/image/resample.h in double.
std::vector<double> resampled(const std::vector<float>& whole, int64_t width, const Crop& crop, ImageSize size) {
  AxisWeights wx, wy;
  wx.make(crop.x, size.width, crop.flip);
  wy.make(crop.y, size.height, false);
  std::vector<double> out;
  for (int64_t y = 0; y < size.height; ++y)
    for (int64_t x = 0; x < size.width; ++x)
      for (int64_t c = 0; c < 3; ++c) {
        double sum = 0;
        for (int64_t j = 0; j < wy.taps; ++j)
          for (int64_t i = 0; i < wx.taps; ++i) {
            const double w = double(wy.weights[size_t(y * wy.taps + j)]) * double(wx.weights[size_t(x * wx.taps + i)]);
            if (w != 0)
              sum += w * double(whole[size_t(3 * (width * (wy.first[size_t(y)] + j) + wx.first[size_t(x)] + i) + c)]);
          }
        out.push_back(sum);
      }
  return out;
}

// Crops of less than twice the output, which no reader scales down; larger ones with stb_image, which never does.
TEST(ImageDecoder, ResamplesFlipsAndNormalises) {
  const std::string file = image_file("full444.jpg");
  const PixelScale scale{{0.1f, 0.2f, 0.3f}, {0.5f, 0.25f, 2}};
  const std::map<FirstDecoder, std::vector<ImageSize>> cases = {
      {FirstDecoder::skein, {{16, 10}, {31, 50}, {30, 11}}},
      {FirstDecoder::libjpeg_turbo, {{16, 10}, {31, 50}, {30, 11}}},
      {FirstDecoder::stb_image, {{5, 3}, {31, 50}, {1, 1}}}};
  for (const auto& [first, sizes] : cases) {
    ImageDecoder decoder(first);
    const auto whole = decode(decoder, file, whole_image(kSize), kSize);
    for (const bool flip : {false, true})
      for (const ImageSize size : sizes) {
        const Crop crop{{4, 30, 4, 34}, {2, 19, 2, 21}, flip};
        const auto out = decode(decoder, file, crop, size, scale);
        const auto sums = resampled(whole, 40, crop, size);
        for (size_t i = 0; i < sums.size(); ++i) {
          const double want = (sums[i] / 255 - double(scale.mean[i % 3])) / double(scale.std[i % 3]);
          ASSERT_NEAR(out[i], want, 1e-5) << i << " flip " << flip << " " << decoder.decoder();
        }
      }
  }
}

// A crop 2, 4 or 8 times the output is decoded at that fraction: close to the crop of the whole image, but not equal.
TEST(ImageDecoder, ScaledInTheTransform) {
  std::string pixels;
  for (int y = 0; y < 240; ++y)
    for (int x = 0; x < 400; ++x)
      pixels += {char(x * 255 / 399), char(y), char(int(128 + 60 * std::sin(x * 0.05 + y * 0.03)))};
  const std::string file = encode_jpeg(bytes_of(pixels).data(), {400, 240}, 95);
  const auto whole = decode_whole(file);
  ImageDecoder decoder;
  for (const int64_t times : {2, 4, 8, 11}) {
    const ImageSize size{300 / times, 200 / times};
    const Crop crop{{50, 300, 50, 350}, {20, 200, 20, 220}, true};
    const auto scaled = decode(decoder, file, crop, size);
    const auto full = resampled(whole, 400, crop, size);
    double mean = 0;
    for (size_t i = 0; i < full.size(); ++i) mean += std::abs(double(scaled[i]) - full[i]) / double(full.size());
    EXPECT_LT(mean, 1.0) << times;
    EXPECT_EQ(decode(decoder, file, crop, size), scaled);
  }
}

TEST(ImageDecoder, ExifRotationsBecomeUpright) {
  const std::string file = image_file("full444.jpg");
  const auto stored = decode_whole(file);
  for (int o = 1; o <= 8; ++o) {
    const std::string turned = with_orientation(file, o, o % 2 == 0);
    EXPECT_EQ(read_orientation(bytes_of(turned)), o);
    ImageDecoder decoder;
    const ImageSize size = decoder.open(bytes_of(turned));
    ASSERT_EQ(size.width, o >= 5 ? 24 : 40);
    ASSERT_EQ(size.height, o >= 5 ? 40 : 24);
    const auto out = decode_whole(turned);
    for (int64_t y = 0; y < size.height; ++y)
      for (int64_t x = 0; x < size.width; ++x) {
        // EXIF 2.3: the sides of the upright image that are the 0th row and the 0th column of the file.
        const int64_t right = size.width - 1 - x, bottom = size.height - 1 - y;
        const int64_t row[] = {y, y, bottom, bottom, x, right, right, x};
        const int64_t column[] = {x, right, right, x, y, y, bottom, bottom};
        for (int64_t c = 0; c < 3; ++c)
          ASSERT_EQ(out[size_t(3 * (size.width * y + x) + c)],
                    stored[size_t(3 * (40 * row[o - 1] + column[o - 1]) + c)])
              << "orientation " << o << " at " << x << "," << y;
      }
    // Crop, scale and flip apply to the upright image.
    const ImageSize small{11, 13};
    const Crop crop{{3, 20, 3, 23}, {5, 18, 5, 23}, true};
    const auto piece = decode(decoder, turned, crop, small);
    AxisWeights wx, wy;
    wx.make(crop.x, small.width, true);
    wy.make(crop.y, small.height, false);
    double sum = 0;
    for (int64_t j = 0; j < wy.taps; ++j)
      for (int64_t i = 0; i < wx.taps; ++i)
        if (const double w = double(wy.weights[size_t(2 * wy.taps + j)]) * double(wx.weights[size_t(4 * wx.taps + i)]);
            w != 0)
          sum += w * double(out[size_t(3 * (size.width * (wy.first[2] + j) + wx.first[4] + i))]);
    EXPECT_NEAR(piece[3 * (2 * 11 + 4)], sum, 1e-3) << o;
  }
}

void expect_bad(const std::string& file, const std::string& part) {
  try {
    decode_whole(file);
    FAIL() << "no error, where this was expected: " << part;
  } catch (const BadImage& e) {
    EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
  }
}

TEST(ImageDecoder, RefusesByName) {
  expect_bad("", "empty");
  expect_bad("hello, I am not an image", "unknown image type");
  const bool turbo = make_jpeg_turbo_reader() != nullptr;
  for (const char* name : {"baseline.jpg", "progressive.jpg"}) {
    const std::string file = image_file(name);
    for (size_t n = file.size() / 2; n < file.size() - 1; n += 7)
      EXPECT_THROW(decode_whole(file.substr(0, n)), BadImage);
    expect_bad(file.substr(0, file.size() - 40), turbo ? "remature end" : "cut short");
    expect_bad(file.substr(0, 30), "");
  }
  std::string huge = image_file("grey.jpg");  // a frame header that promises 65535 x 65535
  const size_t frame = huge.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  huge.replace(frame + 5, 4, "\xff\xff\xff\xff");
  expect_bad(huge, "");
  ImageDecoder decoder;
  EXPECT_THROW(decoder.open(bytes_of(huge)), BadImage);
  const std::string good = image_file("grey.jpg");  // a decoder works after it has refused a file
  EXPECT_EQ(decode(decoder, good, whole_image(kSize), kSize), decode_whole(good));
}

TEST(ImageDecoder, DataAfterTheEndDoNotMatter) {
  const std::string file = image_file("baseline.jpg");
  EXPECT_EQ(decode_whole(file + "\n\nsome junk"), decode_whole(file));
}

}  // namespace
}  // namespace skein::testing
