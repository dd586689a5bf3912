#include "models/model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cases/op_case.h"
#include "engine/ops.h"
#include "kernels/check.h"

namespace skein {
namespace {

struct Counted {
  int64_t parameters;
  size_t tensors;
};

Counted count(const std::string& name, const ModelOptions& options) {
  ParameterStore p;
  make_model(name, options, p);
  p.build(Device::cpu, 1);
  return {p.count(), p.specs().size()};
}

TEST(ResNetCifar, HasThePublishedNumberOfParameters) {
  EXPECT_EQ(count("resnet20", {10, 3, 'B'}).parameters, 272'474);
  EXPECT_EQ(count("resnet20", {10, 3, 'B'}).tensors, 65u);
  EXPECT_EQ(count("resnet20", {100, 3, 'B'}).parameters, 278'324);
  EXPECT_EQ(count("resnet20", {10, 3, 'A'}).parameters, 269'722);
  EXPECT_EQ(count("resnet20", {10, 1, 'B'}).parameters, 272'474 - 2 * 9 * 16);
}

TEST(ResNetCifar, TakesAnyDepthAndImageSize) {
  for (const char* name : {"resnet8", "resnet14", "resnet32"})
    for (const Shape& images : {Shape{2, 32, 32, 3}, Shape{1, 28, 28, 1}, Shape{3, 17, 9, 3}, Shape{2, 1, 1, 1}}) {
      ParameterStore p;
      const auto model = make_model(name, {7, images[3], 'A'}, p);
      p.build(Device::cpu, 1);
      Arena arena(Device::cpu);
      Tape tape({}, arena);
      const Var logits = model->forward(tape.input(random_tensor({}, images, 1)));
      EXPECT_EQ(logits->value.shape(), (Shape{images[0], 7})) << name;
    }
}

TEST(ResNetCifar, CountsItsMultiplyAdds) {
  ParameterStore p;
  const auto model = make_model("resnet20", {}, p);
  p.build(Device::cpu, 1);
  Arena arena(Device::cpu);
  Tape tape({}, arena);
  model->forward(tape.input(random_tensor({}, {1, 32, 32, 3}, 1)));
  // Stem, six layers of stage 1, then per stage one strided layer, five others and the projection, and the classifier.
  const int64_t stage = 32 * 32 * 16 * 16 * 9;
  EXPECT_EQ(tape.macs, 32 * 32 * 3 * 16 * 9 + 6 * stage + 2 * (stage / 2 + 5 * stage + stage / 18) + 640);
}

TEST(ResNetCifar, ShowsANaNInTheImagesAsANaNLoss) {
  ParameterStore p;
  const auto model = make_model("resnet8", {}, p);
  p.build(Device::cpu, 1);
  Arena arena(Device::cpu);
  Tape tape({}, arena);
  const Tensor images = random_tensor({}, {2, 8, 8, 3}, 1);
  images.host()[100] = NAN;
  for (const bool training : {true, false}) {
    tape.training = training;
    const Loss loss = cross_entropy(model->forward(tape.input(images)), random_labels({}, 2, 10, 2));
    EXPECT_TRUE(std::isnan(*loss.mean->value.host()));
  }
}

TEST(MakeModel, RefusesWhatItDoesNotKnow) {
  for (const char* name : {"resnet21", "resnet2", "resnet", "resnet20x", "resnet-20", "vgg16", ""}) {
    ParameterStore p;
    EXPECT_THROW(make_model(name, {}, p), BadInput) << name;
  }
  ParameterStore p;
  EXPECT_THROW(make_model("resnet20", {10, 3, 'C'}, p), BadInput);
}

TEST(ParameterStore, PutsDecayedParametersFirstAndPadsWithZero) {
  ParameterStore p;
  const auto model = make_model("resnet8", {}, p);
  p.build(Device::cpu, 1);
  std::vector<bool> used(size_t(p.value.numel()), false);
  for (size_t i = 0; i < p.specs().size(); ++i) {
    const Segment s = p.segments()[i];
    EXPECT_EQ(s.begin % 64, 0);
    EXPECT_EQ(p.specs()[i].decay, s.begin < p.decayed()) << p.specs()[i].name;
    EXPECT_EQ(p.specs()[i].decay, p.specs()[i].shape.size() > 1 || p.specs()[i].name == "fc.bias") << p.specs()[i].name;
    for (int64_t j = 0; j < s.count; ++j) {
      EXPECT_FALSE(used[size_t(s.begin + j)]);
      used[size_t(s.begin + j)] = true;
    }
  }
  for (size_t i = 0; i < used.size(); ++i) EXPECT_TRUE(used[i] || p.value.host()[i] == 0.0f) << i;
}

TEST(ParameterStore, DrawsTheSameWeightsFromTheSameSeedOnly) {
  auto values = [](uint64_t seed) {
    ParameterStore p;
    make_model("resnet8", {}, p);
    p.build(Device::cpu, seed);
    return p.value.to_vector();
  };
  EXPECT_EQ(values(1), values(1));
  EXPECT_NE(values(1), values(2));
}

}  // namespace
}  // namespace skein
