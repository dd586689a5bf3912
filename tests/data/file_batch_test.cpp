// Image files for a trained network: the bits of the loaders, and files that are refused.
#include "data/loading/file_batch.h"

#include <sys/stat.h>

#include <cstring>

#include "data/formats/folders/find_images.h"
#include "data/loading/loader.h"
#include "tests/support/encoded_files.h"
#include "tests/support/image_files.h"

namespace skein::testing {
namespace {

std::string png(int width, int height, int channels, const std::string& pixels) {
  std::string bytes;
  stbi_write_png_to_func(
      [](void* to, void* data, int size) {
        static_cast<std::string*>(to)->append(static_cast<const char*>(data), size_t(size));
      },
      &bytes, width, height, channels, pixels.data(), width * channels);
  return bytes;
}

std::string big_endian(uint32_t v) { return {char(v >> 24), char(v >> 16), char(v >> 8), char(v)}; }

// The same header, with another size.
std::string png_of_size(uint32_t width, uint32_t height) {
  std::string bytes = png(2, 2, 3, std::string(12, 'x')), header = "IHDR" + big_endian(width) + big_endian(height);
  bytes.replace(12, 12, header);
  const auto checksum = uint32_t(crc32(0, reinterpret_cast<const Bytef*>(bytes.data()) + 12, 17));
  return bytes.replace(29, 4, big_endian(checksum));
}

InputFormat format_of(const Dataset& d) {
  InputFormat f{d.is_encoded() ? Preprocessing::centre_crop : Preprocessing::centre_square, d.height(), d.width(),
                d.channels()};
  std::copy_n(d.mean, 4, f.mean);
  std::copy_n(d.std, 4, f.std);
  return f;
}

class FileBatchTest : public ::testing::Test {
 protected:
  std::string add(const std::string& name, const std::string& bytes) {
    write_file(dir_ / name, bytes);
    return (dir_ / name).string();
  }
  FileResult load(const std::string& path, int64_t channels = 3, int64_t side = 16) {
    FileBatch batch({Preprocessing::centre_square, side, side, channels}, 1, {}, DType::f32);
    std::vector<FileResult> results;
    const std::vector<std::string> paths{path};
    images_ = batch.load(paths, results).to_host();
    return results.at(0);
  }
  void expect_error(const FileResult& result, const std::string& part) {
    EXPECT_NE(result.error.find(part), std::string::npos) << result.error;
  }
  TempDir dir_;
  Tensor images_;
};

TEST_F(FileBatchTest, HasTheBitsOfTheLoaders) {
  write_jpeg_folder(dir_ / "data", 3, 7);
  for (const std::string& name : {std::string("imagenet"), (dir_ / "data").string()}) {
    const Dataset test = open_dataset(name, {.dir = (dir_ / "data").string(), .resize = 16, .crop = 16}).test;
    const FoundImages found = find_images({(dir_ / "data" / "val").string()});
    ASSERT_EQ(found.files.size(), 7u);
    for (const DType type : {DType::f32, DType::bf16}) {
      const auto batches = make_loader(test, {.batch = 7, .training = false}, {}, type);
      FileBatch files(format_of(test), 7, {}, type);
      std::vector<FileResult> results;
      const View ours = files.load(found.files, results), theirs = batches->next().images;
      ASSERT_EQ(ours.bytes(), theirs.bytes());
      EXPECT_EQ(ours.dtype, type);
      EXPECT_EQ(std::memcmp(ours.data, theirs.data, ours.bytes()), 0) << name;
      for (const FileResult& r : results) EXPECT_EQ(r.error, "");
    }
  }
}

TEST_F(FileBatchTest, ConvertsChannelsWhereNothingIsLost) {
  EXPECT_TRUE(load(add("grey.png", png(16, 16, 1, std::string(256, 'g')))).was_grey);
  EXPECT_FALSE(load(add("rgb.png", png(16, 16, 3, std::string(768, 'g')))).was_grey);
  EXPECT_EQ(load((dir_ / "rgb.png").string(), 1).error, "");
  EXPECT_FLOAT_EQ(images_.view().as<float>()[255], 'g' / 255.0f);
  std::string coloured(768, 'g');
  coloured[100] = 'h';
  expect_error(load(add("coloured.png", png(16, 16, 3, coloured)), 1), "Convert it to grey");
}

TEST_F(FileBatchTest, RefusesImagesByTheirSize) {
  expect_error(load(add("1x1.png", png(1, 1, 3, "abc"))), "1 x 1 pixels, too few");
  expect_error(load(add("large.png", png_of_size(65000, 65000))), "65000 x 65000 pixels");
  EXPECT_EQ(load(add("2x2.png", png(2, 2, 3, std::string(12, 'x')))).error, "");  // enlarged eight times
}

TEST_F(FileBatchTest, RefusesFilesOfSeveralFramesAndDamagedFiles) {
  std::string apng = png(16, 16, 3, std::string(768, 'x'));
  apng.insert(33, big_endian(8) + "acTL" + big_endian(2) + big_endian(0) + "sums");
  expect_error(load(add("animated.png", apng)), "an animated PNG");
  expect_error(load(add("animated.gif", "GIF89a....")), "a GIF file");
  expect_error(load(add("animated.webp", std::string("RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0", 24))), "WebP");
  const std::string jpeg = numbered_jpeg(3);
  expect_error(load(add("cut.jpg", jpeg.substr(0, jpeg.size() / 2))), "save the file again");
  expect_error(load(add("text.jpg", "no image")), "unknown image type");
  expect_error(load(add("empty.jpg", "")), "empty");
}

TEST_F(FileBatchTest, RefusesWhatIsNoRegularFile) {
  expect_error(load((dir_ / "none.jpg").string()), "No such file");
  expect_error(load(dir_.str()), "is a folder");
  const std::string pipe = (dir_ / "pipe.jpg").string();
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  expect_error(load(pipe), "not a regular file");
}

TEST_F(FileBatchTest, OneBadFileLeavesTheOthers) {
  const std::vector<std::string> paths{add("a.png", png(16, 16, 3, std::string(768, 'a'))),
                                       (dir_ / "none.png").string(),
                                       add("b.png", png(16, 16, 3, std::string(768, 'b')))};
  FileBatch batch({Preprocessing::centre_square, 16, 16, 3}, 4, {}, DType::f32);
  std::vector<FileResult> results;
  const Tensor images = batch.load(paths, results);
  EXPECT_EQ(images.shape(), (Shape{3, 16, 16, 3}));
  EXPECT_EQ(images.view().as<float>()[768], 0);
  EXPECT_FLOAT_EQ(images.view().as<float>()[2 * 768], 'b' / 255.0f);
  EXPECT_EQ(results[0].error + results[2].error, "");
  EXPECT_NE(results[1].error, "");
}

TEST(FindImages, SearchesFoldersInOrderOfNames) {
  const TempDir dir;
  for (const char* name : {"b/2.png", "b/1.JPG", "a/x.jpeg", "a/.hidden.jpg", "__MACOSX/x.jpg", "b/notes.txt"})
    write_file(dir / name, "x");
  fs::create_directory_symlink(dir.str(), dir / "a/up");
  const FoundImages found = find_images({dir.str(), "named.txt"});
  EXPECT_EQ(found.files, (std::vector<std::string>{dir / "a/x.jpeg", dir / "b/1.JPG", dir / "b/2.png", "named.txt"}));
  EXPECT_EQ(found.other_files, 1);
  fs::create_directories(dir / "empty");
  EXPECT_THROW(find_images({(dir / "empty").string()}), BadInput);
}

}  // namespace
}  // namespace skein::testing
