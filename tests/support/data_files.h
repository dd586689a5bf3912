// Helpers of the tests that use files: a temporary folder, small files in every format, and a check of error messages.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/check.h"
#include "data/formats/formats.h"

#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>

namespace skein::testing {
namespace fs = std::filesystem;

class TempDir {
 public:
  TempDir() {
    std::string name = (fs::temp_directory_path() / "skein-XXXXXX").string();
    CHECK(mkdtemp(name.data()) != nullptr, "no temporary folder {}", name);
    path_ = name;
  }
  ~TempDir() { fs::remove_all(path_); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  fs::path operator/(const std::string& name) const { return path_ / name; }
  std::string str() const { return path_.string(); }

 private:
  fs::path path_;
};

inline void write_file(const fs::path& path, const std::string& bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

inline std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_gzip(const fs::path& path, const std::string& bytes) {
  gzFile f = gzopen(path.c_str(), "wb");
  gzwrite(f, bytes.data(), unsigned(bytes.size()));
  gzclose(f);
}

// Pixels are a function of (image, y, x, c), so that a wrong layout is noticed.
inline uint8_t test_pixel(int64_t i, int64_t y, int64_t x, int64_t c) {
  return uint8_t(31 * i + 7 * y + 3 * x + 101 * c);
}

// Two training files of four records, one test file of four; `label_bytes` as in CIFAR-100 when 2.
inline CifarFormat small_cifar(int64_t label_bytes) {
  CifarFormat f = label_bytes == 1 ? cifar10_format() : cifar100_format();
  f.train_files = {"a.bin", "b.bin"};
  f.test_files = {"t.bin"};
  f.train_records = f.test_records = 4;
  return f;
}

inline std::string cifar_records(int64_t label_bytes, int64_t first, int64_t n) {
  std::string bytes;
  for (int64_t i = first; i < first + n; ++i) {
    if (label_bytes == 2) bytes += char(99);  // the coarse label, which must not be taken
    bytes += char(i % 10);
    for (int64_t c = 0; c < 3; ++c)
      for (int64_t y = 0; y < 32; ++y)
        for (int64_t x = 0; x < 32; ++x) bytes += char(test_pixel(i, y, x, c));
  }
  return bytes;
}

inline void write_cifar(const fs::path& dir, int64_t label_bytes) {
  write_file(dir / "a.bin", cifar_records(label_bytes, 0, 4));
  write_file(dir / "b.bin", cifar_records(label_bytes, 4, 4));
  write_file(dir / "t.bin", cifar_records(label_bytes, 8, 4));
}

inline std::string idx_header(uint32_t magic, const std::vector<uint32_t>& dims) {
  std::string bytes;
  auto put = [&](uint32_t v) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += char(v >> shift & 0xff);
  };
  put(magic);
  for (uint32_t d : dims) put(d);
  return bytes;
}

inline std::string idx_images(uint32_t n, uint32_t h, uint32_t w) {
  std::string bytes = idx_header(0x803, {n, h, w});
  for (uint32_t i = 0; i < n; ++i)
    for (uint32_t y = 0; y < h; ++y)
      for (uint32_t x = 0; x < w; ++x) bytes += char(test_pixel(i, y, x, 0));
  return bytes;
}

inline std::string idx_labels(uint32_t n) {
  std::string bytes = idx_header(0x801, {n});
  for (uint32_t i = 0; i < n; ++i) bytes += char(i % 10);
  return bytes;
}

// Six training images, plain; three test images.
inline void write_idx(const fs::path& dir) {
  write_file(dir / "train-images-idx3-ubyte", idx_images(6, 5, 7));
  write_file(dir / "train-labels-idx1-ubyte", idx_labels(6));
  write_file(dir / "t10k-images-idx3-ubyte", idx_images(3, 5, 7));
  write_file(dir / "t10k-labels-idx1-ubyte", idx_labels(3));
}

inline void write_png(const fs::path& path, int w, int h, int channels, int64_t image) {
  fs::create_directories(path.parent_path());
  std::string pixels;
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < w; ++x)
      for (int c = 0; c < channels; ++c) pixels += char(test_pixel(image, y, x, c));
  CHECK(stbi_write_png(path.c_str(), w, h, channels, pixels.data(), w * channels) != 0, "{} not written",
        path.string());
}

inline void write_jpg(const fs::path& path, int w, int h, uint8_t r, uint8_t g, uint8_t b) {
  fs::create_directories(path.parent_path());
  std::string pixels;
  for (int i = 0; i < w * h; ++i) pixels += {char(r), char(g), char(b)};
  CHECK(stbi_write_jpg(path.c_str(), w, h, 3, pixels.data(), 95) != 0, "{} not written", path.string());
}

// Classes "cat" (2 + 1 images) and "dog" (1 + 1), 6 x 5 RGB.
inline void write_image_folder(const fs::path& dir, const std::string& test = "test") {
  write_png(dir / "train/dog/a.png", 6, 5, 3, 2);
  write_png(dir / "train/cat/b.PNG", 6, 5, 3, 1);
  write_png(dir / "train/cat/a.png", 6, 5, 3, 0);
  write_png(dir / test / "cat/a.png", 6, 5, 3, 3);
  write_png(dir / test / "dog/a.png", 6, 5, 3, 4);
}

// Checks that image i is test_pixel(ids[i], ...).
inline void expect_pixels(const Dataset& d, const std::vector<int64_t>& ids) {
  ASSERT_EQ(d.size(), int64_t(ids.size()));
  const uint8_t* p = d.pixels().as<const uint8_t>();
  for (int64_t i = 0; i < d.size(); ++i)
    for (int64_t y = 0; y < d.height(); ++y)
      for (int64_t x = 0; x < d.width(); ++x)
        for (int64_t c = 0; c < d.channels(); ++c)
          ASSERT_EQ(*p++, test_pixel(ids[size_t(i)], y, x, c)) << "image " << i << " at " << y << "," << x << "," << c;
}

inline std::vector<int32_t> labels_of(const Dataset& d) { return {d.label(), d.label() + d.size()}; }

// Runs f, which must throw E with every part in its message: the file, the place, the fix.
template <class E = BadInput, class F>
void expect_error(F&& f, const std::vector<std::string>& parts) {
  try {
    f();
  } catch (const E& e) {
    for (const std::string& part : parts)
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << "'" << part << "' is not in: " << e.what();
    return;
  } catch (const std::exception& e) {
    FAIL() << "another kind of error: " << e.what();
  }
  FAIL() << "no error, where this was expected: " << fmt::format("{}", fmt::join(parts, " ... "));
}

}  // namespace skein::testing
