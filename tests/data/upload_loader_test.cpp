// Batches of encoded images on a GPU or on the emulator: equal to the host's, and copied in time.
#include "cases/op_case.h"
#include "data/loading/loader.h"
#include "kernels/cast.h"
#include "tests/support/encoded_files.h"
#include "tests/support/need_gpu.h"

namespace skein::testing {
namespace {

struct UploadLoader : ::testing::Test {
  TempDir dir;
  Dataset data;
  Queue queue;
  void SetUp() override {
    SKIP_IF(gpu_absent());
    write_jpeg_folder(dir / "images", 13, 5);
    import_to(dir / "images", dir / "shards");
    data = open_dataset((dir / "shards").string(), {.crop = 16}).train;
    queue = {Device::cuda, cuda::create_stream()};
  }
  void TearDown() override {
    if (queue.stream) cuda::destroy_stream(queue.stream);
  }
};

// Copies of the batches are enqueued without synchronising, so a batch that is overwritten before its copy, or copied
// before it is there, is detected. The first batch is the short one at the end of an epoch.
TEST_F(UploadLoader, GivesTheHostsBatchesToTheBit) {
  const LoaderOptions options{.batch = 4,
                              .seed = 2,
                              .trivial_augment = true,
                              .erase = {.cutout = 6},
                              .mix = {.mixup = 0.4, .cutmix = 1},
                              .step = 3};
  for (const DType type : {DType::f32, DType::bf16}) {
    const auto host = make_loader(data, options), device = make_loader(data, options, queue, type);
    std::vector<Tensor> copies;
    std::vector<Numbers> expected;
    for (int i = 0; i < 9; ++i) {
      const Batch &want = host->next(), &got = device->next();
      EXPECT_EQ(got.size, want.size);
      EXPECT_EQ(got.epoch, want.epoch);
      EXPECT_EQ(got.index, want.index);
      ASSERT_EQ(got.images.dtype(), type);
      for (const Tensor& t : {got.images, got.labels, got.second_labels, got.label_weights}) {
        copies.push_back(Tensor::empty(Device::cuda, t.dtype(), t.shape()));
        cuda::copy(queue.stream, t, copies.back());
      }
      Tensor images = want.images;
      if (type == DType::bf16) {
        images = Tensor::empty(Device::cpu, type, want.images.shape());
        cpu::cast(nullptr, want.images, images);
      }
      expected.push_back(to_numbers(images));
      for (const Tensor& t : {want.labels, want.second_labels, want.label_weights}) expected.push_back(to_numbers(t));
    }
    cuda::synchronize(queue.stream);
    for (size_t i = 0; i < copies.size(); ++i) EXPECT_EQ(to_numbers(copies[i]), expected[i]) << "batch " << i / 4;
  }
}

}  // namespace
}  // namespace skein::testing
