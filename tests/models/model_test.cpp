#include "models/model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>

#include "base/check.h"
#include "cases/op_case.h"
#include "engine/ops.h"
#include "kernels/device/emulated.h"

namespace skein::testing {
namespace {

struct Counted {
  int64_t parameters;
  size_t tensors;
  bool operator==(const Counted&) const = default;
};
void PrintTo(const Counted& c, std::ostream* out) { *out << c.parameters << " parameters in " << c.tensors; }

// Counts parameters and tensors by their shapes: initialising sixty million numbers would take seconds.
Counted count(const std::string& name, const ModelOptions& options) {
  ParameterStore p;
  make_model(name, options, p);
  int64_t parameters = 0;
  for (const ParameterSpec& spec : p.specs())
    parameters += std::accumulate(spec.shape.begin(), spec.shape.end(), int64_t{1}, std::multiplies<>());
  return {parameters, p.specs().size()};
}

TEST(Models, HaveThePublishedNumberOfParameters) {
  EXPECT_EQ(count("resnet20", {10, 3, 'B'}), (Counted{272'474, 65}));
  EXPECT_EQ(count("resnet20", {100, 3, 'B'}).parameters, 278'324);
  EXPECT_EQ(count("resnet20", {10, 3, 'A'}).parameters, 269'722);
  EXPECT_EQ(count("resnet20", {10, 1, 'B'}).parameters, 272'474 - 2 * 9 * 16);
  EXPECT_EQ(count("resnet18", {1000}), (Counted{11'689'512, 62}));
  EXPECT_EQ(count("resnet34", {1000}), (Counted{21'797'672, 110}));
  EXPECT_EQ(count("resnet50", {1000}), (Counted{25'557'032, 161}));
  EXPECT_EQ(count("resnet101", {1000}), (Counted{44'549'160, 314}));
  EXPECT_EQ(count("resnet152", {1000}), (Counted{60'192'808, 467}));
  EXPECT_EQ(count("resnet9", {10}), (Counted{6'573'130, 1 + 2 + 3 * 3 + 2 * 6 + 2}));
  EXPECT_EQ(count("densenet40-12", {10}).parameters, 1'019'722);
  EXPECT_EQ(count("densenet40-12", {100}).parameters, 1'060'132);
  EXPECT_EQ(count("densenet40-12-stem24", {10}).parameters, 1'059'298);
  EXPECT_EQ(count("densenet40-12-stem24-half", {10}).parameters, 599'050);
  EXPECT_EQ(count("densenet-bc-100-12", {10}).parameters, 769'162);
  EXPECT_EQ(count("wrn28-10", {10}).parameters, 36'479'194);
  EXPECT_EQ(count("wrn28-10", {100}).parameters, 36'536'884);
  EXPECT_EQ(count("wrn16-4", {10}).parameters, 2'748'890);
  EXPECT_EQ(count("wrn40-2", {10}).parameters, 2'243'546);
}

// Tensors of a DenseNet: a convolution and a batch norm per layer and transition, the first convolution, the last batch
// norm and the classifier.
TEST(Models, HaveOneTensorPerWeightAndPerGamma) {
  EXPECT_EQ(count("densenet40-12", {}).tensors, 1u + 3 * (36 + 2) + 2 + 2);
  EXPECT_EQ(count("densenet-bc-100-12", {}).tensors, 1u + 3 * (2 * 48 + 2) + 2 + 2);
  EXPECT_EQ(count("wrn28-10", {}).tensors, 1u + 12 * 6 + 3 + 2 + 2);
}

TEST(Models, TakeAnyImageSize) {
  for (const char* name :
       {"resnet8", "resnet9-4", "resnet18", "resnet50", "densenet10-4", "densenet-bc-10-4", "wrn10-1"})
    for (const auto& [channels, sizes] :
         {std::pair{3, std::vector{Shape{2, 32, 32, 3}, Shape{3, 17, 9, 3}}}, {1, {{1, 28, 28, 1}, {2, 4, 4, 1}}}}) {
      ParameterStore p;
      const auto model = make_model(name, {7, channels, 'A'}, p);
      p.build(Device::cpu, 1);
      Arena arena(Device::cpu);
      Tape tape({}, arena);
      for (const Shape& images : sizes)
        for (const bool training : {true, false}) {
          tape.reset();
          tape.training = training;
          const Var logits = model->forward(tape.input(random_tensor({}, images, 1)));
          EXPECT_EQ(logits->value.shape(), (Shape{images[0], 7})) << name;
        }
    }
}

// With gamma 0 in its last batch norm, a block returns its shortcut.
TEST(Models, StartAsTheIdentityWithZeroGamma) {
  ModelOptions options;
  options.zero_gamma = options.normal_classifier = true;
  ParameterStore p;
  make_model("resnet50", options, p);
  p.build(Device::cpu, 1);
  for (size_t i = 0; i < p.specs().size(); ++i) {
    const std::string& name = p.specs()[i].name;
    const Segment s = p.segments()[i];
    const bool zero = name.ends_with("bn3.weight") || name == "fc.bias", one = name.ends_with("bn2.weight");
    if (zero || one) {
      EXPECT_EQ(p.value.host()[s.begin], one ? 1.0f : 0.0f) << name;
    }
  }
}

TEST(ResNetCifar, CountsItsMultiplyAdds) {
  ParameterStore p;
  const auto model = make_model("resnet20", {}, p);
  p.build(Device::cpu, 1);
  Arena arena(Device::cpu);
  Tape tape({}, arena);
  model->forward(tape.input(random_tensor({}, {1, 32, 32, 3}, 1)));
  // Stem; six layers of stage 1; per later stage one strided layer, five others and the projection; classifier.
  const int64_t stage = 32 * 32 * 16 * 16 * 9;
  EXPECT_EQ(tape.macs, 32 * 32 * 3 * 16 * 9 + 6 * stage + 2 * (stage / 2 + 5 * stage + stage / 18) + 640);
}

TEST(Models, ShowANaNInTheImagesAsANaNLoss) {
  for (const char* name : {"resnet8", "resnet18", "densenet10-4", "wrn10-1"}) {
    ParameterStore p;
    const auto model = make_model(name, {}, p);
    p.build(Device::cpu, 1);
    Arena arena(Device::cpu);
    Tape tape({}, arena);
    const Tensor images = random_tensor({}, {2, 32, 32, 3}, 1);
    images.host()[100] = NAN;
    for (const bool training : {true, false}) {
      tape.reset();
      tape.training = training;
      const Loss loss = cross_entropy(model->forward(tape.input(images)), random_labels({}, 2, 10, 2));
      EXPECT_TRUE(std::isnan(*loss.mean->value.host())) << name;
    }
  }
}

TEST(DenseNet, TakesMemoryLinearInItsDepth) {
  if (cuda::emulated()) GTEST_SKIP() << "sanitizers change nothing about it";
  const auto peak = [](const char* name) {
    ParameterStore p;
    const auto model = make_model(name, {}, p);
    p.build(Device::cpu, 1);
    Arena arena(Device::cpu);
    Tape tape({}, arena);
    tape.backward(
        cross_entropy(model->forward(tape.input(random_tensor({}, {2, 8, 8, 3}, 1))), random_labels({}, 2, 10, 2))
            .mean);
    return double(arena.peak());
  };
  const double small = peak("densenet22-12"), large = peak("densenet40-12"), larger = peak("densenet76-12");
  EXPECT_LT(larger - large, 2.2 * (large - small)) << "twice the depth more, twice the memory more";
}

// Dropout is a function of the step: equal for the same step, different for the next, absent in evaluation.
TEST(Models, DropOutByTheStep) {
  for (const char* name : {"wrn10-1", "densenet10-4", "densenet-bc-10-4"}) {
    ModelOptions options;
    options.dropout = 0.3f;
    ParameterStore p;
    const auto model = make_model(name, options, p);
    p.build(Device::cpu, 1);
    Arena arena(Device::cpu);
    Tape tape({}, arena);
    const Tensor images = random_tensor({}, {2, 8, 8, 3}, 1), labels = random_labels({}, 2, 10, 2);
    const auto gradient = [&](uint32_t step, uint32_t worker) {
      tape.reset();
      tape.draws = {7, worker, &step};
      tape.backward(cross_entropy(model->forward(tape.input(images)), labels).mean);
      return p.grad.to_vector();
    };
    const auto first = gradient(1, 0);
    EXPECT_NE(first, gradient(2, 0)) << name;
    EXPECT_NE(first, gradient(1, 1)) << name;
    EXPECT_EQ(first, gradient(1, 0)) << name;
    tape.draws = {};
    EXPECT_THROW(model->forward(tape.input(images)), std::logic_error) << "training without a step";
    tape.training = false;
    EXPECT_NO_THROW(model->forward(tape.input(images)));
  }
}

TEST(MakeModel, RefusesWhatItDoesNotKnow) {
  for (const char* name : {"resnet21",
                           "resnet2",
                           "resnet",
                           "resnet20x",
                           "resnet-20",
                           "resnet020",
                           "resnet99999999999999999999",
                           "densenet",
                           "densenet41-12",
                           "densenet40",
                           "densenet40-",
                           "densenet40-12-",
                           "densenet-bc-40-0",
                           "densenet-bc-98-12",
                           "wrn28",
                           "wrn27-10",
                           "wrn4-2",
                           "wrn28-10-",
                           "vgg16",
                           ""}) {
    ParameterStore p;
    EXPECT_THROW(make_model(name, {}, p), BadInput) << name;
  }
  ParameterStore p;
  EXPECT_THROW(make_model("resnet20", {10, 3, 'C'}, p), BadInput);
  EXPECT_THROW(make_model("wrn10-1", {10, 3, 'B', 1.0f}, p), BadInput);
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
}  // namespace skein::testing
