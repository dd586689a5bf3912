#include "data/loading/decode_loader.h"

#include <chrono>
#include <cstring>
#include <map>
#include <numeric>

#include "data/image/random_crop.h"
#include "data/loading/partition.h"
#include "tests/support/encoded_files.h"

namespace skein::testing {
namespace {

struct Copy {
  int64_t epoch, index, size;
  std::vector<float> images;
  std::vector<int32_t> labels;
  bool operator==(const Copy&) const = default;
};

std::vector<Copy> take(DecodeLoader& loader, int64_t batches) {
  std::vector<Copy> result;
  for (int64_t i = 0; i < batches; ++i) {
    const Batch& b = loader.next();
    const int32_t* labels = b.labels.view().as<int32_t>();
    result.push_back({b.epoch, b.index, b.size, b.images.to_vector(), {labels, labels + b.size}});
  }
  return result;
}

// Images of the batches as a multiset, independent of how they were batched.
std::multiset<std::vector<float>> contents(const std::vector<Copy>& batches) {
  std::multiset<std::vector<float>> all;
  for (const Copy& b : batches) {
    const size_t n = b.images.size() / size_t(b.size);
    for (int64_t i = 0; i < b.size; ++i)
      all.emplace(b.images.begin() + i * int64_t(n), b.images.begin() + (i + 1) * int64_t(n));
  }
  return all;
}

struct DecodeLoaderTest : ::testing::Test {
  static inline std::unique_ptr<TempDir> dir;
  static void SetUpTestSuite() {
    dir = std::make_unique<TempDir>();
    write_jpeg_folder(*dir / "images", 50, 11);
    import_to(*dir / "images", *dir / "shards", {.shard_bytes = 10000});
  }
  static void TearDownTestSuite() { dir.reset(); }
  static Splits open(int64_t crop = 24, int64_t bad_images = 0) {
    return open_dataset((*dir / "shards").string(), {.crop = crop, .bad_images = bad_images});
  }
};

TEST_F(DecodeLoaderTest, NeitherThreadsNorTimingChangeABit) {
  const Dataset d = open().train;
  const auto run = [&](int64_t threads, int pause_ms) {
    DecodeLoader loader(d, {.batch = 8,
                            .seed = 3,
                            .trivial_augment = true,
                            .erase = {.probability = 0.5},
                            .mix = {.mixup = 0.4, .cutmix = 1},
                            .decode_threads = threads});
    std::vector<Copy> all;
    for (int i = 0; i < 20; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(i % 3 * pause_ms));
      for (Copy& c : take(loader, 1)) all.push_back(std::move(c));
    }
    return all;
  };
  const auto one = run(1, 0);
  EXPECT_TRUE(one == run(2, 3));
  EXPECT_TRUE(one == run(7, 0));
  EXPECT_TRUE(one == run(0, 2));
  EXPECT_EQ(one[6].size, 2);
  EXPECT_EQ(one[7].epoch, 1);
}

TEST_F(DecodeLoaderTest, ABatchIsTheCropsOfItsSamples) {
  const Dataset d = open().train;
  std::vector<int32_t> order(50);
  epoch_permutation(3, 2, order, {.boundaries = d.encoded().shard_boundaries});
  ImageDecoder decoder;
  std::vector<uint8_t> memory;
  PixelScale scale;
  std::copy_n(d.mean, 3, scale.mean);
  std::copy_n(d.std, 3, scale.std);
  for (const Flip flip : {Flip::random, Flip::alternate}) {
    DecodeLoader loader(d, {.batch = 50, .seed = 3, .flip = flip, .epoch = 2});
    const auto batch = take(loader, 1)[0];
    for (size_t i = 0; i < 50; ++i) {
      const ImageSize size = decoder.open(d.encoded().read(order[i], memory));
      std::vector<float> want(24 * 24 * 3);
      Crop crop = random_resized_crop(size, 3, 2, order[i]);
      if (flip == Flip::alternate) crop.flip = is_flipped(flip, 3, 2, uint32_t(order[i]));
      decoder.decode(crop, scale, {24, 24}, want.data());
      EXPECT_EQ(std::memcmp(want.data(), &batch.images[i * want.size()], want.size() * 4), 0) << i;
      EXPECT_EQ(batch.labels[i], d.label()[order[i]]);
    }
  }
}

TEST_F(DecodeLoaderTest, WorkersAreDisjointAndSeeWhatOneSees) {
  const Dataset d = open().train;
  DecodeLoader one(d, {.batch = 7, .seed = 5});
  const auto all = contents(take(one, one.steps()));
  ASSERT_EQ(all.size(), 50u);
  std::vector<Copy> parts;
  for (int64_t rank = 0; rank < 5; ++rank) {
    DecodeLoader loader(d, {.batch = 4, .workers = 5, .rank = rank, .seed = 5});
    for (Copy& c : take(loader, loader.steps())) parts.push_back(std::move(c));
  }
  EXPECT_TRUE(contents(parts) == all);
  DecodeLoader next(d, {.batch = 7, .seed = 5, .epoch = 1});
  EXPECT_FALSE(contents(take(next, next.steps())) == all);
}

TEST_F(DecodeLoaderTest, StartingInTheMiddleGoesOnAsIfNeverStopped) {
  const Dataset d = open().train;
  DecodeLoader through(d, {.batch = 8, .seed = 8});
  const auto all = take(through, 16);
  for (int64_t start : {3, 6, 7, 12}) {
    DecodeLoader loader(d, {.batch = 8, .seed = 8, .epoch = start / 7, .step = start % 7});
    EXPECT_TRUE(take(loader, 16 - start) == std::vector<Copy>(all.begin() + start, all.end())) << start;
  }
}

TEST_F(DecodeLoaderTest, EvaluationIsTheCentreInOrder) {
  const Dataset d = open().test;
  DecodeLoader loader(d, {.batch = 4, .training = false});
  const auto batches = take(loader, 6);
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < 3; ++i)
    labels.insert(labels.end(), batches[size_t(i)].labels.begin(), batches[size_t(i)].labels.end());
  EXPECT_EQ(labels, labels_of(d));
  EXPECT_EQ(batches[5].images, batches[2].images);
  DecodeLoader plain(d, {.batch = 11, .seed = 1, .augment = false});  // permuted, centre crop
  EXPECT_TRUE(contents(take(plain, 1)) == contents({batches[0], batches[1], batches[2]}));
}

TEST_F(DecodeLoaderTest, ABadImageIsReplacedByTheNext) {
  const fs::path copy = *dir / "damaged";
  fs::copy(*dir / "shards", copy);
  std::string bytes = read_file(copy / "train-00000.shard");
  bytes[200] = char(bytes[200] ^ 1);
  write_file(copy / "train-00000.shard", bytes);
  const Dataset good = open().train, bad = open_dataset(copy.string(), {.crop = 24, .bad_images = 1}).train;
  ::testing::internal::CaptureStderr();  // before the loader's threads start
  DecodeLoader a(good, {.batch = 10, .training = false}), b(bad, {.batch = 10, .training = false});
  const auto want = take(a, 5), got = take(b, 10);
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("train-00000.shard: record 0"), std::string::npos) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  const size_t n = 24 * 24 * 3;
  EXPECT_TRUE(std::equal(got[0].images.begin(), got[0].images.begin() + n, want[0].images.begin() + n));
  EXPECT_EQ(got[0].labels[0], want[0].labels[1]);
  EXPECT_TRUE(std::equal(got[0].images.begin() + n, got[0].images.end(), want[0].images.begin() + n));
  EXPECT_EQ(bad.encoded().bad->count(), 1);
  for (int64_t threads : {1, 3}) {
    const Dataset strict = open_dataset(copy.string(), {.crop = 24, .bad_images = 0}).train;
    DecodeLoader loader(strict, {.batch = 10, .training = false, .decode_threads = threads});
    expect_error([&] { loader.next(); }, {"train-00000.shard: record 0", "checksum", "--bad-images"});
    expect_error([&] { loader.next(); }, {"record 0"});
  }
}

TEST_F(DecodeLoaderTest, ThreadsAreAddedOnlyWhileTheCallerWaits) {
  const Dataset d = open(64).train;
  DecodeLoader patient(d, {.batch = 2});
  for (int i = 0; i < 30; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    patient.next();
  }
  EXPECT_EQ(patient.threads(), 1);
  EXPECT_EQ(patient.wait_seconds() > 0.5, false);
  if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "one core";
  DecodeLoader hungry(d, {.batch = 50});
  const auto begin = std::chrono::steady_clock::now();
  while (hungry.threads() < 2 && std::chrono::steady_clock::now() - begin < std::chrono::seconds(20)) hungry.next();
  EXPECT_EQ(hungry.threads(), 2);
  EXPECT_GT(hungry.wait_seconds(), 0);
}

TEST_F(DecodeLoaderTest, EndsAtAnyTime) {
  for (int i = 0; i < 10; ++i) {
    DecodeLoader loader(open().train, {.batch = 4, .decode_threads = 3});
    for (int k = 0; k < i % 4; ++k) loader.next();
  }
}

TEST(ShardOrder, ReadsShardAfterShardAndWindowAfterWindow) {
  const std::vector<int64_t> shards = {0, 100, 100, 250, 400, 1000};
  std::vector<int32_t> order(1000), again(1000), sorted(1000);
  const ShardLayout layout{shards, 200};
  epoch_permutation(7, 1, order, layout);
  epoch_permutation(7, 1, again, layout);
  EXPECT_EQ(order, again);
  epoch_permutation(7, 2, again, layout);
  EXPECT_NE(order, again);
  std::iota(sorted.begin(), sorted.end(), 0);
  for (int64_t begin = 0; begin < 1000; begin += 200) {  // each window consists of a few runs, one per shard
    std::vector<int32_t> window(order.begin() + begin, order.begin() + begin + 200);
    EXPECT_FALSE(std::is_sorted(window.begin(), window.end()));
    std::sort(window.begin(), window.end());
    int64_t runs = 1;
    for (size_t i = 1; i < window.size(); ++i) runs += window[i] != window[i - 1] + 1;
    EXPECT_LE(runs, 5) << begin;
  }
  std::sort(order.begin(), order.end());
  EXPECT_EQ(order, sorted);
}

TEST(ShardOrder, FixedPartsStayWithTheirWorkers) {
  const std::vector<int64_t> shards = {0, 30, 60, 90};
  const std::vector<int32_t> labels(90);
  std::vector<int32_t> scratch(90);
  std::set<int32_t> all;
  for (int64_t rank = 0; rank < 3; ++rank) {
    const auto part = [&](int64_t epoch) {
      const auto s = samples_of(Partition::fixed, 4, epoch, labels, 3, rank, scratch, {shards, 16});
      return std::vector<int32_t>(s.begin(), s.end());
    };
    auto a = part(0), b = part(1);
    EXPECT_NE(a, b);
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    EXPECT_EQ(a, b);
    all.insert(a.begin(), a.end());
  }
  EXPECT_EQ(all.size(), 90u);
}

}  // namespace
}  // namespace skein::testing
