#include "data/formats/shards.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/check.h"
#include "base/files.h"
#include "base/formats/json.h"
#include "data/formats/formats.h"
#include "data/formats/metadata.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

std::vector<ShardFile> shard_files(const Json& list) {
  std::vector<ShardFile> shards;
  for (const Json& shard : list.elements())
    shards.push_back({shard.at(0).get<std::string>(), shard.at(1).get<int64_t>(), shard.at(2).get<int64_t>()});
  return shards;
}

std::vector<ShardFile> read_shard_list(const SafetensorsFile& index, const std::string& split) {
  const std::string key = split + ".shards";
  const std::vector<ShardFile> shards = read_metadata(index, key, shard_files);
  for (const auto& [file, bytes, images] : shards)
    if (file.empty() || file.find('/') != std::string::npos || bytes < 0 || images < 0 || images > bytes)
      throw BadInput("{}: metadata '{}': shard '{}' of {} bytes and {} images is not possible. {}", index.path(), key,
                     file, bytes, images, kImportAgain);
  return shards;
}

void check_index(const SafetensorsFile& index, const std::vector<std::string>& splits) {
  const auto format = index.metadata().find("format");
  if (format == index.metadata().end() || format->second != kShardFormat)
    throw BadInput("{}: is not the index of a shard folder. {}", index.path(), kImportAgain);
  if (index.meta("version") != kShardVersion)
    throw BadInput("{}: version {} of the shard format, this program reads {}. {}", index.path(), index.meta("version"),
                   kShardVersion, kImportAgain);
  uint32_t sum = 0;
  for (const std::string& split : splits)
    for (const char* name : kShardTensors) {
      const StoredTensor& t = index.at(split + "." + name);
      sum = uint32_t(checksum_of({reinterpret_cast<const uint8_t*>(t.data), t.bytes}, sum));
    }
  if (std::to_string(sum) != index.meta("checksum"))
    throw BadInput("{}: the index is damaged: its checksum is {}, not {}. Copy it again", index.path(), sum,
                   index.meta("checksum"));
}

Dataset make_dataset(const std::string& folder, const SafetensorsFile& index,
                     const std::shared_ptr<ShardedImages>& shards, int64_t crop) {
  Dataset d;
  const fs::path plain = fs::path(folder).lexically_normal();
  d.name = (plain.has_filename() ? plain : plain.parent_path()).filename().string();
  d.images = EncodedSet{shards, {shards->size(), crop, crop, 3}};
  d.labels = shards->labels();
  d.classes = read_metadata<std::vector<std::string>>(index, "classes");
  for (int64_t i = 0; i < d.size(); ++i) check_label(shards->place(i), i, d.label()[i], d.classes.size());
  read_constants(index, "mean", false, 3, d.mean);
  read_constants(index, "std", true, 3, d.std);
  d.storage = shards;
  return d;
}

}  // namespace

int32_t checksum_of(FileBytes bytes, uint32_t before) { return int32_t(crc32_z(before, bytes.data(), bytes.size())); }

bool is_shard_folder(const std::string& path) { return fs::exists(fs::path(path) / kShardIndex); }

std::string foreign_file(const std::string& folder) {
  return foreign_entry(
      folder, [](const std::string& name) { return name.starts_with(kShardIndex) || name.ends_with(".shard"); });
}

Splits open_shards(const std::string& folder, int64_t crop, int64_t bad_images) {
  const auto index = SafetensorsFile::open((fs::path(folder) / kShardIndex).string());
  const bool own_test = index->find("test.bytes") != nullptr;
  check_index(*index, own_test ? std::vector<std::string>{"train", "test"} : std::vector<std::string>{"train"});
  const auto bad = std::make_shared<BadImages>(bad_images);
  const auto open = [&](const std::string& split) {
    const auto shards = std::make_shared<ShardedImages>(folder, split, index);
    shards->bad = bad;
    return make_dataset(folder, *index, shards, crop);
  };
  Splits s;
  s.train = open("train");
  s.test = own_test ? open("test") : s.train;  // imported with --test-on-train
  return s;
}

ShardedImages::ShardedImages(const std::string& folder, const std::string& split,
                             std::shared_ptr<const SafetensorsFile> index)
    : index_(std::move(index)) {
  bytes_ = index_->view(split + ".bytes", DType::i32);
  labels_ = index_->view(split + ".labels", DType::i32);
  const View sizes = index_->view(split + ".sizes", DType::i32);
  checksums_ = index_->view(split + ".checksums", DType::i32);
  const int64_t n = bytes_.numel();
  if (n < 1 || n > INT32_MAX || labels_.numel() != n || sizes.numel() != 2 * n || checksums_.numel() != n)
    throw BadInput("{}: {} images with {} labels, {} sizes and {} checksums. {}", index_->path(), n, labels_.numel(),
                   sizes.numel() / 2, checksums_.numel(), kImportAgain);
  read_names(split, index_->view(split + ".names", DType::u8), n);
  offsets_.resize(size_t(n));
  checked_ = std::vector<std::atomic<uint8_t>>(size_t(n));

  int64_t image = 0;
  try {
    for (const ShardFile& shard : read_shard_list(*index_, split)) {
      if (shard.images > n - image)
        throw BadInput("{}: the shards of '{}' have more than {} images. {}", index_->path(), split, n, kImportAgain);
      shard_boundaries.push_back(image);
      int64_t offset = 0;
      for (const int64_t end = image + shard.images; image < end; ++image) {
        const int64_t bytes = bytes_.as<const int32_t>()[image];
        if (bytes < 1 || bytes > shard.bytes - offset)
          throw BadInput("{}: record {}: {} bytes at byte {} of {}, which has {}. {}", index_->path(), image, bytes,
                         offset, shard.file, shard.bytes, kImportAgain);
        offsets_[size_t(image)] = offset;
        offset += bytes;
      }
      map((fs::path(folder) / shard.file).string(), shard);
    }
    if (image != n)
      throw BadInput("{}: {} images, the shards of '{}' have {}. {}", index_->path(), n, split, image, kImportAgain);
  } catch (...) {
    for (const Mapped& m : mapped_) munmap(const_cast<uint8_t*>(m.memory), size_t(m.bytes));
    throw;
  }
  shard_boundaries.push_back(n);
}

ShardedImages::~ShardedImages() {
  for (const Mapped& m : mapped_) munmap(const_cast<uint8_t*>(m.memory), size_t(m.bytes));
}

void ShardedImages::map(const std::string& path, const ShardFile& shard) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw BadInput("{}: cannot be opened ({}). Copy the whole folder again", path, std::strerror(errno));
  struct stat status {};
  const int64_t bytes = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? int64_t(status.st_size) : -1;
  void* memory =
      bytes == shard.bytes && bytes > 0 ? mmap(nullptr, size_t(bytes), PROT_READ, MAP_SHARED, fd, 0) : nullptr;
  const int error = errno;
  close(fd);
  if (bytes != shard.bytes) {
    const auto begin = offsets_.begin() + shard_boundaries.back(), end = begin + shard.images;
    throw BadInput("{}: record {}: the shard is {}: it has {} bytes, the index says {}. Copy it again", path,
                   std::upper_bound(begin, end, bytes) - begin - (bytes > 0),
                   bytes < shard.bytes ? "cut short" : "too long", bytes, shard.bytes);
  }
  if (memory == MAP_FAILED)
    throw BadInput("{}: cannot be mapped ({}). Check the disk and the memory", path, std::strerror(error));
  mapped_.push_back({path, static_cast<const uint8_t*>(memory), memory ? bytes : 0});
}

void ShardedImages::read_names(const std::string& split, const View& text, int64_t n) {
  std::string_view rest(text.as<const char>(), size_t(text.numel()));
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    names_.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (int64_t(names_.size()) != n)
    throw BadInput("{}: tensor '{}.names': {} names for {} images. {}", index_->path(), split, names_.size(), n,
                   kImportAgain);
}

size_t ShardedImages::shard_of(int64_t i) const {
  return size_t(std::upper_bound(shard_boundaries.begin(), shard_boundaries.end(), i) - shard_boundaries.begin()) - 1;
}

FileBytes ShardedImages::read(int64_t i, std::vector<uint8_t>&) const {
  CHECK(i >= 0 && i < size(), "image {} of {}", i, size());
  const Mapped& shard = mapped_[shard_of(i)];
  const FileBytes bytes(shard.memory + offsets_[size_t(i)], size_t(bytes_.as<const int32_t>()[i]));
  if (!checked_[size_t(i)].load(std::memory_order_relaxed)) {
    const auto sum = checksum_of(bytes);
    if (sum != checksums_.as<const int32_t>()[i])
      throw BadImage(fmt::format("its checksum is {:08x}, not {:08x}: the shard is damaged, copy it again",
                                 uint32_t(sum), uint32_t(checksums_.as<const int32_t>()[i])));
    checked_[size_t(i)].store(1, std::memory_order_relaxed);
  }
  return bytes;
}

std::string ShardedImages::place(int64_t i) const {
  const size_t s = shard_of(i);
  return fmt::format("{}: record {} ({})", mapped_[s].path, i - shard_boundaries[s], name(i));
}

// In each shard, asks the kernel to read ahead from the first to the last of these images.
void ShardedImages::prefetch(std::span<const int32_t> images) const {
  std::vector<std::pair<int64_t, int64_t>> wanted(mapped_.size(), {INT64_MAX, -1});
  for (int32_t i : images) {
    auto& [low, high] = wanted[shard_of(i)];
    low = std::min<int64_t>(low, i);
    high = std::max<int64_t>(high, i);
  }
  constexpr int64_t kPage = 4096;
  for (size_t s = 0; s < wanted.size(); ++s) {
    const auto [low, high] = wanted[s];
    if (high < 0) continue;
    const int64_t begin = offsets_[size_t(low)] / kPage * kPage;
    const int64_t end = offsets_[size_t(high)] + bytes_.as<const int32_t>()[high];
    madvise(const_cast<uint8_t*>(mapped_[s].memory + begin), size_t(end - begin), MADV_WILLNEED);
  }
}

int64_t ShardedImages::bytes() const {
  int64_t sum = 0;
  for (const Mapped& m : mapped_) sum += m.bytes;
  return sum;
}

}  // namespace skein
