#include "data/loading/loader.h"

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <map>
#include <numeric>

#include "data/loading/batch_mix.h"
#include "data/loading/partition.h"
#include "kernels/cast.h"
#include "tests/support/data_files.h"

namespace skein::testing {
namespace {

// n different images, labelled with their index.
Dataset numbered(int64_t n, int64_t channels = 3, int64_t side = 8) {
  Dataset d = allocate_dataset("numbered", n, side, side, channels);
  uint8_t* p = d.pixels().as<uint8_t>();
  for (int64_t i = 0; i < d.pixels().numel(); ++i) p[i] = uint8_t(i * 2654435761u >> 13);
  std::iota(d.labels.as<int32_t>(), d.labels.as<int32_t>() + n, 0);
  return d;
}

struct BatchCopy {
  int64_t epoch, index, size;
  std::vector<float> images;
  std::vector<int32_t> labels;
  bool operator==(const BatchCopy&) const = default;
};

std::vector<BatchCopy> take(Loader& loader, int64_t batches) {
  std::vector<BatchCopy> result;
  for (int64_t i = 0; i < batches; ++i) {
    const Batch& b = loader.next();
    const int32_t* labels = b.labels.view().as<int32_t>();
    EXPECT_EQ(b.images.shape()[0], b.size);
    EXPECT_EQ(b.labels.numel(), b.size);
    result.push_back({b.epoch, b.index, b.size, b.images.to_vector(), {labels, labels + b.size}});
  }
  return result;
}

std::map<int32_t, std::vector<float>> by_sample(const std::vector<BatchCopy>& batches) {
  std::map<int32_t, std::vector<float>> result;
  for (const BatchCopy& b : batches) {
    const size_t size = b.images.size() / size_t(b.size);
    for (size_t i = 0; i < b.labels.size(); ++i) {
      const auto begin = b.images.begin() + std::ptrdiff_t(i * size);
      EXPECT_TRUE(result.emplace(b.labels[i], std::vector<float>(begin, begin + std::ptrdiff_t(size))).second)
          << "sample " << b.labels[i] << " came twice";
    }
  }
  return result;
}

TEST(Loader, EvaluationGoesThroughTheSetInOrderAgainAndAgain) {
  const Dataset d = numbered(10);
  const auto loader = make_loader(d, {.batch = 4, .training = false});
  ASSERT_EQ(loader->steps(), 3);
  const auto batches = take(*loader, 6);
  EXPECT_EQ(batches[0].labels, (std::vector<int32_t>{0, 1, 2, 3}));
  EXPECT_EQ(batches[2].labels, (std::vector<int32_t>{8, 9}));
  EXPECT_EQ(batches[2].size, 2);
  EXPECT_EQ(batches[5].labels, batches[2].labels);
  EXPECT_EQ(batches[5].images, batches[2].images);
  EXPECT_EQ(batches[5].epoch, 1);
  EXPECT_EQ(batches[5].index, 2);
  for (size_t i = 0; i < 2 * 8 * 8 * 3; ++i)  // mean 0, standard deviation 1: pixels divided by 255
    ASSERT_EQ(batches[2].images[i], float(d.pixels().as<uint8_t>()[8 * 8 * 8 * 3 + i]) / 255.0f);
}

TEST(Loader, TrainingFollowsThePermutationOfEachEpoch) {
  const auto loader = make_loader(numbered(25), {.batch = 10, .workers = 2, .rank = 1, .seed = 9, .epoch = 4});
  ASSERT_EQ(loader->steps(), 2);  // 12 samples of 25
  const auto batches = take(*loader, 4);
  for (int64_t i = 0; i < 4; ++i) {
    const BatchCopy& b = batches[size_t(i)];
    EXPECT_EQ(b.epoch, 4 + i / 2);
    EXPECT_EQ(b.index, i % 2);
    std::vector<int32_t> order(25);
    epoch_permutation(9, b.epoch, order);
    const auto begin = order.begin() + 12 + (i % 2) * 10;
    EXPECT_EQ(b.labels, std::vector<int32_t>(begin, begin + (i % 2 ? 2 : 10)));
  }
}

// As a new loader of these samples: fewer than a batch, then more than before.
TEST(Loader, RestartsOnOtherSamples) {
  const Dataset d = numbered(25);
  LoaderOptions o{.batch = 4, .seed = 9, .epoch = 1, .samples = {3, 20, 11}};
  const auto loader = make_loader(d, o);
  for (const std::vector<int32_t>& samples : {o.samples, {7}, {9, 8, 1, 2, 24, 5, 17, 0, 13}}) {
    if (o.epoch > 1) loader->restart(o.epoch, samples);
    o.samples = samples;
    const auto anew = make_loader(d, o);
    ASSERT_EQ(loader->steps(), anew->steps());
    EXPECT_EQ(take(*loader, anew->steps()), take(*anew, anew->steps()));
    ++o.epoch;
  }
  loader->restart(8, {1, 2, 3, 4, 5, 6, 7, 8});
  take(*loader, 1);
  loader->restart(9, {6});
  EXPECT_EQ(take(*loader, 1)[0].labels, std::vector<int32_t>{6}) << "what was made ahead is dropped";
  const auto part = make_loader(d, {.batch = 4});
  EXPECT_THROW(part->restart(2, {1}), std::logic_error);
}

TEST(Loader, WithoutAugmentationABatchIsPermutedOnly) {
  const Dataset d = numbered(20);
  const auto training = make_loader(d, {.batch = 5, .seed = 3, .augment = false});
  const auto evaluation = make_loader(d, {.batch = 5, .training = false});
  const auto permuted = take(*training, 4), ordered = take(*evaluation, 4);
  EXPECT_NE(permuted[0].labels, ordered[0].labels);
  EXPECT_TRUE(by_sample(permuted) == by_sample(ordered));
}

TEST(Loader, FourWorkersTogetherSeeWhatOneSees) {
  const Dataset d = numbered(40);
  const auto one = make_loader(d, {.batch = 7, .seed = 3});
  const auto all = by_sample(take(*one, one->steps()));
  ASSERT_EQ(all.size(), 40u);
  std::vector<BatchCopy> parts;
  for (int64_t rank = 0; rank < 4; ++rank) {
    const auto loader = make_loader(d, {.batch = 3, .workers = 4, .rank = rank, .seed = 3});
    for (BatchCopy& b : take(*loader, loader->steps())) parts.push_back(std::move(b));
  }
  EXPECT_TRUE(by_sample(parts) == all);
  const auto next = make_loader(d, {.batch = 7, .seed = 3, .epoch = 1});
  EXPECT_FALSE(by_sample(take(*next, next->steps())) == all);
}

TEST(Loader, StartingInTheMiddleGoesOnAsIfNeverStopped) {
  const Dataset d = numbered(23, 1);
  const auto through = make_loader(d, {.batch = 4, .seed = 8});
  const auto all = take(*through, 20);
  for (int64_t start : {1, 5, 6, 13}) {
    const auto loader = make_loader(d, {.batch = 4, .seed = 8, .epoch = start / 6, .step = start % 6});
    EXPECT_TRUE(take(*loader, 20 - start) == std::vector<BatchCopy>(all.begin() + start, all.end())) << start;
  }
}

TEST(Loader, NeitherThreadsNorTimingChangeTheBatches) {
  const Dataset d = numbered(50);
  const auto run = [&](int threads, int pause_ms) {
    omp_set_num_threads(threads);
    const auto loader = make_loader(d, {.batch = 8, .seed = 1});
    std::vector<BatchCopy> result;
    for (int i = 0; i < 20; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(i % 3 * pause_ms));
      for (BatchCopy& b : take(*loader, 1)) result.push_back(std::move(b));
    }
    return result;
  };
  const int before = omp_get_max_threads();
  const auto a = run(1, 0), b = run(4, 2);
  omp_set_num_threads(before);
  EXPECT_TRUE(a == b);
}

// Every option of training, on.
LoaderOptions all_on(LoaderOptions o) {
  o.trivial_augment = true;
  o.erase = {.probability = 0.5};
  o.mix = {.mixup = 0.3, .cutmix = 1, .probability = 0.9};
  return o;
}

TEST(Loader, WithEveryAugmentationStartingInTheMiddleGoesOnAsIfNeverStopped) {
  const Dataset d = numbered(23);
  const auto through = make_loader(d, all_on({.batch = 4, .seed = 8}));
  const auto all = take(*through, 12);
  for (int64_t start : {1, 7}) {
    const auto loader = make_loader(d, all_on({.batch = 4, .seed = 8, .epoch = start / 6, .step = start % 6}));
    EXPECT_TRUE(take(*loader, 12 - start) == std::vector<BatchCopy>(all.begin() + start, all.end())) << start;
  }
}

TEST(Loader, AnImageIsAugmentedAlikeWhateverItsWorker) {
  const Dataset d = numbered(40);
  LoaderOptions o = all_on({.batch = 7, .seed = 3});
  o.mix = {};
  const auto one = make_loader(d, o), plain = make_loader(d, {.batch = 7, .seed = 3});
  const auto all = by_sample(take(*one, one->steps()));
  EXPECT_FALSE(all == by_sample(take(*plain, plain->steps())));
  o.workers = 4;
  std::vector<BatchCopy> parts;
  for (o.rank = 0; o.rank < 4; ++o.rank) {
    const auto loader = make_loader(d, o);
    for (BatchCopy& b : take(*loader, loader->steps())) parts.push_back(std::move(b));
  }
  EXPECT_TRUE(by_sample(parts) == all);
}

TEST(Loader, Bf16IsF32RoundedOnce) {
  const Dataset d = numbered(9);
  LoaderOptions o = all_on({.batch = 4, .seed = 3});
  o.mix = {};
  const auto f32 = make_loader(d, o), bf16 = make_loader(d, o, {}, DType::bf16);
  for (int step = 0; step < 3; ++step) {
    const Batch &exact = f32->next(), &rounded = bf16->next();
    const Tensor expected = Tensor::empty(Device::cpu, DType::bf16, exact.images.shape());
    Queue{}.run(kernel::cast, exact.images, expected);
    ASSERT_EQ(rounded.images.view().bytes(), expected.view().bytes());
    EXPECT_EQ(std::memcmp(rounded.images.view().data, expected.view().data, expected.view().bytes()), 0) << step;
  }
}

// The definition, from a batch without mixing. Batches of 5 have an image in the middle that stays as it is.
TEST(Loader, MixesAnImageWithItsPartnerByTheShare) {
  const LoaderOptions plain{.batch = 5, .seed = 4};
  for (const MixOptions& mix : {MixOptions{.mixup = 1}, MixOptions{.cutmix = 1}}) {
    LoaderOptions options = plain;
    options.mix = mix;
    const auto whole = make_loader(numbered(20), plain), mixed = make_loader(numbered(20), options);
    for (int64_t i = 0; i < 8; ++i) {
      const BatchCopy before = take(*whole, 1)[0];
      const Batch& b = mixed->next();
      const MixDraw draw = draw_mix(options, 8, 8, b.epoch, b.index);
      EXPECT_EQ(b.label_weights.to_vector(), std::vector<float>(5, float(draw.share)));
      const std::vector<float> images = b.images.to_vector();
      for (size_t n = 0; n < 5; ++n) {
        EXPECT_EQ(b.labels.view().as<int32_t>()[n], before.labels[n]);
        EXPECT_EQ(b.second_labels.view().as<int32_t>()[n], before.labels[4 - n]);
        for (size_t j = 0; j < 8 * 8 * 3; ++j) {
          const int32_t y = int32_t(j / 24), x = int32_t(j / 3 % 8);
          const Box& box = draw.pixels.box;
          const bool inside =
              n != 2 && y >= box.top && y < box.top + box.height && x >= box.left && x < box.left + box.width;
          const float own = before.images[n * 192 + j], other = before.images[(4 - n) * 192 + j];
          ASSERT_EQ(images[n * 192 + j], inside ? draw.pixels.own * own + draw.pixels.other * other : own);
        }
      }
    }
  }
}

// The batch that the caller uses is not overwritten.
TEST(Loader, ABatchStaysUntilTheNextIsAskedFor) {
  const auto loader = make_loader(numbered(64), {.batch = 4, .seed = 2});
  for (int i = 0; i < 10; ++i) {
    const Batch& b = loader->next();
    const auto before = b.images.to_vector();
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    ASSERT_EQ(b.images.to_vector(), before);
  }
}

size_t threads_of_this_process() {
  return size_t(std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator{}));
}

TEST(Loader, OneThreadAndNoAllocationWhileRunning) {
  const size_t threads = threads_of_this_process();
  {
    const auto loader = make_loader(numbered(64), {.batch = 16, .seed = 2});
    loader->next();
    const int64_t allocations = cpu::allocations();
    for (int i = 0; i < 50; ++i) loader->next();
    EXPECT_EQ(cpu::allocations(), allocations);
    EXPECT_EQ(threads_of_this_process(), threads + 1);
    EXPECT_GE(loader->wait_seconds(), 0);
  }
  // The operating system removes a thread shortly after it was joined.
  for (int i = 0; i < 1000 && threads_of_this_process() > threads; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(threads_of_this_process(), threads);  // no OpenMP team was started, on any number of cores
}

TEST(Loader, CountsTheTimeThatTheCallerWaits) {
  const auto slow = make_loader(numbered(64, 3, 256), {.batch = 64});  // 12.6 million values a batch
  for (int i = 0; i < 3; ++i) slow->next();
  EXPECT_GT(slow->wait_seconds(), 0.001);
  const auto fast = make_loader(numbered(8), {.batch = 8});
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  fast->next();
  EXPECT_EQ(fast->wait_seconds(), 0);
}

TEST(Loader, AnErrorInTheThreadReachesTheCaller) {
  const auto loader = make_loader(numbered(8, 5), {.batch = 4});  // augmentation supports at most four channels
  expect_error<std::logic_error>([&] { loader->next(); }, {"5 channels"});
  expect_error<std::logic_error>([&] { loader->next(); }, {"5 channels"});
}

TEST(Loader, EndsAtAnyTime) {
  for (int i = 0; i < 20; ++i) {
    const auto loader = make_loader(numbered(40), {.batch = 4});
    for (int k = 0; k < i % 5; ++k) loader->next();
  }
}

TEST(Loader, FewerImagesThanWorkers) {
  expect_error([] { make_loader(numbered(3), {.batch = 4, .workers = 4}); },
               {"numbered", "3 images", "4 workers", "fewer"});
}

TEST(Loader, ABatchLargerThanTheSet) {
  const auto loader = make_loader(numbered(3), {.batch = 1000});
  EXPECT_EQ(loader->next().size, 3);
  EXPECT_EQ(loader->steps(), 1);
}

}  // namespace
}  // namespace skein::testing
