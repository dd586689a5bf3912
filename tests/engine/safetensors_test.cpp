#include "engine/safetensors.h"

#include <sys/resource.h>

#include <csignal>
#include <cstring>
#include <numeric>

#include "tests/support/data_files.h"

namespace skein::testing {
namespace {

// Writes a file with this header. The length field is the header's length unless another is given.
void write_raw(const fs::path& path, const std::string& header, size_t data_bytes, uint64_t length = 0) {
  std::string bytes(8, '\0');
  const uint64_t n = length ? length : header.size();
  std::memcpy(bytes.data(), &n, 8);
  write_file(path, bytes + header + std::string(data_bytes, 'x'));
}

// A limit on the size of files, during the life of an object: a write beyond it fails as on a full disk.
class SmallFiles {
 public:
  explicit SmallFiles(rlim_t bytes) : handler_(signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit small = before_;
    small.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallFiles() {
    setrlimit(RLIMIT_FSIZE, &before_);
    signal(SIGXFSZ, handler_);
  }
  SmallFiles(const SmallFiles&) = delete;
  SmallFiles& operator=(const SmallFiles&) = delete;

 private:
  rlimit before_ = {};
  const sighandler_t handler_;
};

void expect_bad(const std::string& header, size_t data_bytes, const std::vector<std::string>& parts) {
  const TempDir dir;
  write_raw(dir / "bad.safetensors", header, data_bytes);
  std::vector<std::string> all = parts;
  all.push_back((dir / "bad.safetensors").string());
  expect_error([&] { SafetensorsFile::open((dir / "bad.safetensors").string()); }, all);
}

struct Sample {
  std::vector<float> f = {1.5f, -2.0f, 3.0f, 4.0f, 5.0f, 6.0f};
  std::vector<uint16_t> b = {0x3f80, 0x4000, 0x4040};
  std::vector<int32_t> i = {7, -8};
  std::vector<uint8_t> u = {1, 2, 3, 4, 5};
  std::vector<TensorToWrite> tensors() {
    return {{"bytes", {u.data(), DType::u8, {1, 1, 1, 5}}, {5}},
            {"layer.weight", {f.data(), DType::f32, {1, 1, 2, 3}}, {2, 3}},
            {"half", {b.data(), DType::bf16, {1, 1, 1, 3}}, {1, 3, 1, 1}},
            {"scalar", {f.data(), DType::f32, {1, 1, 1, 1}}, {}},
            {"nothing", {nullptr, DType::f32, {1, 1, 1, 0}}, {0}},
            {"numbers", {i.data(), DType::i32, {1, 1, 1, 2}}, {2}}};
  }
};

TEST(Safetensors, RoundTrip) {
  const TempDir dir;
  const std::string path = (dir / "a.safetensors").string();
  Sample s;
  write_safetensors(path, s.tensors(), {{"epoch", "3"}, {"text", "\"quoted\" and é"}});
  const auto file = SafetensorsFile::open(path);
  EXPECT_EQ(file->names(), (std::vector<std::string>{"bytes", "half", "layer.weight", "nothing", "numbers", "scalar"}));
  EXPECT_EQ(file->meta("epoch"), "3");
  EXPECT_EQ(file->meta("text"), "\"quoted\" and é");
  EXPECT_EQ(file->metadata().size(), 2u);

  for (const TensorToWrite& t : s.tensors()) {
    const View v = file->view(t.name, t.view.dtype);
    EXPECT_EQ(file->at(t.name).shape, t.shape);
    ASSERT_EQ(v.bytes(), t.view.bytes());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(v.data) % size_of(v.dtype), 0u);
    EXPECT_TRUE(std::equal(v.as<char>(), v.as<char>() + v.bytes(), t.view.as<char>())) << t.name;
  }
  const View w = file->view("layer.weight");
  EXPECT_EQ(std::vector<int64_t>(w.dims, w.dims + 4), (std::vector<int64_t>{1, 1, 2, 3}));
  EXPECT_EQ(file->find("absent"), nullptr);
  EXPECT_FALSE(fs::exists(path + ".partial"));
}

TEST(Safetensors, BytesOfTheFormat) {
  const TempDir dir;
  const float value = 1.0f;
  write_safetensors((dir / "a").string(), {{"w", {const_cast<float*>(&value), DType::f32, {1, 1, 1, 1}}, {1}}});
  const std::string bytes = read_file(dir / "a"), json = R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  uint64_t length;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ((8 + length) % 64, 0u);
  EXPECT_EQ(bytes.substr(8, length), json + std::string(length - json.size(), ' '));
  EXPECT_EQ(bytes.substr(8 + length), std::string("\x00\x00\x80\x3f", 4));
}

TEST(Safetensors, ReplacesAFileThatIsStillMapped) {
  const TempDir dir;
  const std::string path = (dir / "a").string();
  float value = 1;
  const std::vector<TensorToWrite> tensors = {{"w", {&value, DType::f32, {1, 1, 1, 1}}, {1}}};
  write_safetensors(path, tensors);
  const auto old = SafetensorsFile::open(path);
  value = 2;
  write_safetensors(path, tensors);
  EXPECT_EQ(*old->view("w").as<float>(), 1);
  EXPECT_EQ(*SafetensorsFile::open(path)->view("w").as<float>(), 2);
}

TEST(Safetensors, FullDiskKeepsTheOldFile) {
  const TempDir dir;
  const std::string path = (dir / "last").string();
  Sample s;
  write_safetensors(path, s.tensors());
  const std::string before = read_file(path);
  std::vector<float> large(1 << 16);
  const std::vector<TensorToWrite> tensors = {{"w", {large.data(), DType::f32, {1, 1, 1, 1 << 16}}, {1 << 16}}};
  {
    const SmallFiles limit(1 << 16);
    expect_error<RunFailed>([&] { write_safetensors(path, tensors); },
                            {path, "File too large", "262", "bytes are needed", "untouched"});
  }
  EXPECT_EQ(read_file(path), before);
  EXPECT_FALSE(fs::exists(path + ".partial"));
}

// Another user who may write in the folder could otherwise have any file of the user overwritten.
TEST(Safetensors, ALinkInItsPlaceIsNotFollowed) {
  const TempDir dir;
  const std::string path = (dir / "last").string(), other = (dir / "thesis.txt").string();
  write_file(other, "years of work");
  fs::create_symlink(other, path + ".partial");
  Sample s;
  write_safetensors(path, s.tensors());
  EXPECT_EQ(read_file(other), "years of work");
  EXPECT_FALSE(fs::is_symlink(path));
}

TEST(Safetensors, FolderThatIsNotThere) {
  const TempDir dir;
  Sample s;
  expect_error<RunFailed>([&] { write_safetensors((dir / "no/file").string(), s.tensors()); },
                          {"no/file", "cannot be created", "No such file"});
}

TEST(Safetensors, RefusesToWriteWhatCannotBeRead) {
  const TempDir dir;
  Sample s;
  auto twice = s.tensors();
  twice.push_back(twice[0]);
  EXPECT_THROW(write_safetensors((dir / "a").string(), twice), std::logic_error);
  auto wrong = s.tensors();
  wrong[0].shape = {6};
  EXPECT_THROW(write_safetensors((dir / "a").string(), wrong), std::logic_error);
  EXPECT_FALSE(fs::exists(dir / "a"));
}

TEST(Safetensors, CutAtEveryByteIsAnError) {
  const TempDir dir;
  Sample s;
  write_safetensors((dir / "a").string(), s.tensors(), {{"k", "v"}});
  const std::string whole = read_file(dir / "a");
  for (size_t n = 0; n < whole.size(); ++n) {
    write_file(dir / "cut", whole.substr(0, n));
    ASSERT_THROW(SafetensorsFile::open((dir / "cut").string()), BadInput) << n;
  }
  write_file(dir / "cut", whole.substr(0, whole.size() - 1));
  expect_error([&] { SafetensorsFile::open((dir / "cut").string()); }, {"cut", "tensor 'bytes'", "cut short", "again"});
  write_file(dir / "cut", whole + "x");
  expect_error([&] { SafetensorsFile::open((dir / "cut").string()); },
               {"cut", "byte " + std::to_string(whole.size()), "1 bytes follow the last tensor"});
}

// For every damaged byte: an error or a file with the same layout, never a crash (run under ASan).
TEST(Safetensors, DamagedHeaderNeverCrashes) {
  const TempDir dir;
  Sample s;
  write_safetensors((dir / "a").string(), s.tensors(), {{"k", "v"}});
  const std::string whole = read_file(dir / "a");
  for (size_t i = 0; i < 512 && i < whole.size(); ++i)
    for (char c : {'\0', '9', '"', '}', '\xff'}) {
      std::string bad = whole;
      bad[i] = c;
      write_file(dir / "bad", bad);
      try {
        const auto file = SafetensorsFile::open((dir / "bad").string());
        for (const std::string& name : file->names()) file->view(name);
      } catch (const BadInput&) {
      }
    }
}

TEST(Safetensors, WrongHeaders) {
  const TempDir dir;
  write_raw(dir / "a", "{}", 0, uint64_t{1} << 60);
  expect_error([&] { SafetensorsFile::open((dir / "a").string()); }, {"byte 0", "1152921504606846976", "safetensors"});
  expect_error([&] { SafetensorsFile::open((dir / "none").string()); }, {"none", "No such file"});
  expect_error([&] { SafetensorsFile::open(dir.str()); }, {dir.str(), "not a regular file"});

  expect_bad(R"({"w": )", 0, {"byte", "not JSON"});
  expect_bad(R"({"w": {"dtype": "F32", "shape": [1e999]}})", 0, {"byte 8", "overflow", "1e999"});
  expect_bad("[1]", 0, {"not a JSON object"});
  expect_bad(R"({"__metadata__": {"a": 1}})", 0, {"__metadata__"});
  expect_bad(R"({"w":{"dtype":"F32","shape":[1]}})", 4, {"'w'", "data_offsets"});
  expect_bad(R"({"w":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}})", 4, {"'w'", "unknown dtype 'F99'", "F32"});
  expect_bad(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4, {"'w'", "ascending"});
  expect_bad(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}})", 4, {"'w'"});
  expect_bad(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4, {"'w'", "byte 8", "cut short"});
  expect_bad(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4, {"'w'", "shape [2]", "4 bytes"});
  expect_bad(R"({"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, {"'w'", "shape [-1]"});
  expect_bad(R"({"w":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0, {"'w'", "shape"});
  expect_bad(
      R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})", 6,
      {"'b'", "overlap"});
  expect_bad(
      R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}})", 6,
      {"'b'", "hole"});
}

TEST(Safetensors, WhatIsThereButCannotBeViewed) {
  const TempDir dir;
  write_raw(dir / "a",
            R"({"long":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},)"
            R"("five":{"dtype":"U8","shape":[1,1,1,1,1],"data_offsets":[8,9]},)"
            R"("odd":{"dtype":"F32","shape":[1],"data_offsets":[9,13]}})",
            13);
  const auto file = SafetensorsFile::open((dir / "a").string());
  EXPECT_EQ(file->at("long").bytes, 8u);
  expect_error([&] { file->view("long"); }, {"'long'", "I64", "F32"});
  expect_error([&] { file->view("five"); }, {"'five'", "5 dimensions"});
  expect_error([&] { file->view("odd"); }, {"'odd'", "not aligned"});
  expect_error([&] { file->at("gone"); }, {(dir / "a").string(), "'gone' is missing", "3 tensors"});
  expect_error([&] { file->meta("version"); }, {"'version' is missing"});
  Sample s;
  write_safetensors((dir / "b").string(), s.tensors());
  expect_error([&] { SafetensorsFile::open((dir / "b").string())->view("numbers", DType::f32); },
               {"'numbers'", "I32", "F32 is needed"});
}

}  // namespace
}  // namespace skein::testing
