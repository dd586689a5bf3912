// Data of one's own: images that the program makes or has in memory become a Dataset, and ResNet-8 learns from it. The
// images show bars, and the class is their direction. Prints loss and accuracy on images that were not trained on.
#include <fmt/format.h>

#include <memory>
#include <vector>

#include "base/random.h"
#include "data/loading/loader.h"
#include "engine/ops.h"
#include "engine/optimizer.h"
#include "models/model.h"
#include "train/evaluation/evaluation.h"

using namespace skein;

constexpr int64_t kSide = 16, kBatch = 32, kEpochs = 3;

// The memory that a Dataset points to; the Dataset shares its ownership.
struct Bars {
  std::vector<uint8_t> pixels;  // (n, kSide, kSide, 1)
  std::vector<int32_t> labels;

  // Bar of image i: direction, place and noise are drawn from (seed, i).
  void add(uint64_t seed, uint32_t i) {
    const RandomWords w = random_words(seed, Purpose::test, 0, i, 0);
    const int32_t direction = int32_t(bounded(w[0], 3));
    const int64_t place = 4 + bounded(w[1], 8);
    for (int64_t y = 0; y < kSide; ++y)
      for (int64_t x = 0; x < kSide; ++x) {
        const int64_t across = direction == 0 ? y : direction == 1 ? x : (x + y) / 2;
        const uint32_t noise = bounded(random_words(seed, Purpose::test, 1, i, uint32_t(y * kSide + x))[0], 120);
        pixels.push_back(uint8_t((across == place ? 135 : 0) + noise));
      }
    labels.push_back(direction);
  }
};

Dataset make_dataset(const char* name, int64_t images, uint64_t seed) {
  auto bars = std::make_shared<Bars>();
  for (int64_t i = 0; i < images; ++i) bars->add(seed, uint32_t(i));
  Dataset d;
  d.name = name;
  d.images = View{bars->pixels.data(), DType::u8, {images, kSide, kSide, 1}};
  d.labels = {bars->labels.data(), DType::i32, {1, 1, 1, images}};
  d.classes = {"horizontal", "vertical", "diagonal"};
  d.mean[0] = 0.3f, d.std[0] = 0.25f;
  d.storage = bars;
  return d;
}

int main() {
  const Dataset train = make_dataset("bars", 960, 1), test = make_dataset("bars", 300, 2);
  ParameterStore parameters;
  const auto model = make_model("resnet8", {.classes = 3, .channels = 1}, parameters);
  parameters.build(Device::cpu, /*seed=*/1);
  Sgd sgd(parameters, {.momentum = 0.9f, .decay = 1e-4f, .nesterov = true}, Queue{});
  sgd.set_rate(0.05f);

  const auto batches = make_loader(train, {.batch = kBatch, .augment = false});
  const auto test_batches = make_loader(test, evaluation_options(100));
  Arena arena(Device::cpu);
  Tape tape(Queue{}, arena);
  for (int64_t epoch = 1; epoch <= kEpochs; ++epoch) {
    double loss = 0;
    for (int64_t s = 0; s < batches->steps(); ++s) {
      const Batch& batch = batches->next();
      const Loss l = cross_entropy(model->forward(tape.input(batch.images)), batch.labels);
      tape.backward(l.mean);
      sgd.step();
      loss += *l.mean->value.host() / double(batches->steps());
      tape.reset();
    }
    const Score score = evaluate(*model, *test_batches, tape);
    fmt::print("epoch {}  train loss {:.4f}  test loss {:.4f}  top-1 {:.1f} %\n", epoch, loss, score.loss, score.top1);
  }
}
