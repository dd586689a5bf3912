#include "data/formats/shard_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/check.h"
#include "base/formats/json.h"
#include "base/random.h"
#include "engine/safetensors.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

constexpr size_t kBuffer = 1 << 20;
constexpr uint32_t kShardDraw = 0xfffffffe;  // epoch number of the random stream that assigns images to shards

}  // namespace

struct ShardWriter::Shard {
  std::string file, path, waiting;
  std::vector<Record> records;
  int64_t bytes = 0;
  int fd = -1;

  Shard(const std::string& folder, const std::string& split, int64_t number)
      : file(fmt::format("{}-{:05}.shard", split, number)), path(folder + "/" + file) {
    fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) fail("cannot be created");
  }
  ~Shard() {
    if (fd >= 0) ::close(fd);
  }
  [[noreturn]] void fail(const char* what) const {
    throw RunFailed("{}: {} ({}). Free some space or choose another folder", path, what, std::strerror(errno));
  }
  void flush() {
    for (size_t done = 0; done < waiting.size();) {
      const ssize_t n = ::write(fd, waiting.data() + done, waiting.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) fail("cannot be written");
      done += size_t(n);
    }
    waiting.clear();
  }
  void close() {
    flush();
    if (fsync(fd) != 0) fail("cannot be written");
    ::close(fd);
    fd = -1;
  }
};

ShardWriter::ShardWriter(const std::string& folder, int64_t train_shards, int64_t test_shards)
    : partial_(folder + ".partial"), train_{"train", {}, {}, 0}, test_{"test", {}, {}, 0} {
  std::error_code error;
  if (fs::is_directory(partial_, error)) {  // left over from an import that was killed
    const std::string other = foreign_file(partial_);
    if (!other.empty())
      throw BadInput("{}: has files that are not of an import, such as {}. Move it, or give another name to import to",
                     partial_, other);
    fs::remove_all(partial_, error);
  }
  if (!fs::create_directory(partial_, error))
    throw RunFailed("{}: cannot be created ({}). Choose another folder", partial_, error.message());
  for (const bool test : {false, true})
    for (int64_t i = 0; i < (test ? test_shards : train_shards); ++i)
      split(test).shards.push_back(std::make_unique<Shard>(partial_, split(test).name, i));
}

ShardWriter::~ShardWriter() {
  std::error_code ignored;
  if (!finished_) fs::remove_all(partial_, ignored);
}

void ShardWriter::add(bool test, const ShardImage& image) {
  Split& s = split(test);
  const auto [at, fresh] = class_ids_.emplace(image.class_name, int32_t(class_ids_.size()));
  s.has_class.resize(std::max(s.has_class.size(), size_t(at->second) + 1));
  s.has_class[size_t(at->second)] = true;
  const RandomWords r = random_words(0, Purpose::permute, kShardDraw, test, uint32_t(s.images));
  Shard& shard = *s.shards[bounded(r[0], uint32_t(s.shards.size()))];
  shard.records.push_back({int32_t(image.bytes.size()), at->second, int32_t(image.size.width),
                           int32_t(image.size.height), checksum_of(image.bytes), image.name});
  shard.waiting.append(reinterpret_cast<const char*>(image.bytes.data()), image.bytes.size());
  shard.bytes += int64_t(image.bytes.size());
  if (shard.waiting.size() >= kBuffer) shard.flush();
  std::replace(shard.records.back().name.begin(), shard.records.back().name.end(), '\n', ' ');
  ++s.images;
}

int64_t ShardWriter::images(bool test) const { return test ? test_.images : train_.images; }

std::vector<std::string> ShardWriter::classes() const {
  std::vector<std::string> names;
  for (const auto& [name, id] : class_ids_)
    if (size_t(id) < train_.has_class.size() && train_.has_class[size_t(id)]) names.push_back(name);
  return names;
}

void ShardWriter::check_classes() const {
  if (train_.images == 0)
    throw BadInput("there are no training images. Lay them out as DIR/{{train,val}}/CLASS/*.JPEG");
  for (const auto& [name, id] : class_ids_)
    if (size_t(id) >= train_.has_class.size() || !train_.has_class[size_t(id)])
      throw BadInput("class '{}' has test images but no training images. Add some, or remove the class", name);
}

// Columns of the index: one number, or two, of every image of a split in the order of the shards.
struct ShardWriter::Columns {
  std::vector<int32_t> bytes, labels, sizes, checksums;
  std::string names;
};

ShardWriter::Columns ShardWriter::columns_of(const Split& split, const std::vector<int32_t>& labels) {
  Columns c;
  for (const auto& shard : split.shards)
    for (const Record& r : shard->records) {
      c.bytes.push_back(r.bytes);
      c.labels.push_back(labels[size_t(r.class_id)]);
      c.sizes.insert(c.sizes.end(), {r.width, r.height});
      c.checksums.push_back(r.checksum);
      c.names += r.name + '\n';
    }
  return c;
}

std::string ShardWriter::finish(const std::vector<float>& mean, const std::vector<float>& std) {
  check_classes();
  std::vector<int32_t> label(class_ids_.size());
  int32_t next = 0;
  for (const auto& [name, id] : class_ids_) label[size_t(id)] = next++;  // std::map: in the order of names

  Columns columns[2];
  std::vector<TensorToWrite> tensors;
  std::map<std::string, std::string> metadata = {{"format", kShardFormat},
                                                 {"version", kShardVersion},
                                                 {"classes", Json(classes()).dump()},
                                                 {"mean", fmt::format("[{}]", fmt::join(mean, ","))},
                                                 {"std", fmt::format("[{}]", fmt::join(std, ","))}};
  uint32_t sum = 0;
  for (const bool test : {false, true}) {
    const Split& s = split(test);
    if (s.images == 0) {
      for (const auto& shard : s.shards) fs::remove(shard->path);
      continue;
    }
    Columns& t = columns[test] = columns_of(s, label);
    Json list = Json::array();
    for (const auto& shard : s.shards) {
      shard->close();
      list.push_back(Json::array({shard->file, shard->bytes, shard->records.size()}));
    }
    metadata[s.name + ".shards"] = list.dump();
    const auto add = [&](const char* name, void* data, DType type, int64_t n, std::vector<int64_t> shape) {
      tensors.push_back({s.name + "." + name, {data, type, {1, 1, 1, n}}, std::move(shape)});
      sum = uint32_t(checksum_of({static_cast<const uint8_t*>(data), size_t(n) * size_of(type)}, sum));
    };
    const int64_t n = s.images;  // tensors in the order of kShardTensors
    add("bytes", t.bytes.data(), DType::i32, n, {n});
    add("labels", t.labels.data(), DType::i32, n, {n});
    add("sizes", t.sizes.data(), DType::i32, 2 * n, {n, 2});
    add("checksums", t.checksums.data(), DType::i32, n, {n});
    add("names", t.names.data(), DType::u8, int64_t(t.names.size()), {int64_t(t.names.size())});
  }
  metadata["checksum"] = std::to_string(sum);
  write_safetensors(partial_ + "/" + kShardIndex, tensors, metadata);
  finished_ = true;
  return partial_;
}

}  // namespace skein
