// Weights from PyTorch and back: files in tests/golden made by tests/oracle/torch_interchange.py.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>

#include "apps/model/torch_file.h"
#include "base/check.h"
#include "engine/safetensors.h"
#include "models/model.h"
#include "train/run/weights_file.h"

namespace skein::testing {
namespace {

std::string golden(const std::string& model, const char* part = "") {
  return SKEIN_SOURCE_DIR "/tests/golden/torch_" + model + part + ".safetensors";
}

struct TorchNet {
  explicit TorchNet(const std::string& name, int64_t classes = 5)
      : model(make_model(name, {.classes = classes}, parameters)) {
    parameters.build(Device::cpu, 1);
  }
  ParameterStore parameters;
  std::unique_ptr<Model> model;
};

class Interchange : public ::testing::TestWithParam<std::string> {};

TEST_P(Interchange, ReadsWhatPyTorchWroteAndComputesTheSame) {
  TorchNet net(GetParam());
  read_weights(golden(GetParam()), OtherClassifier::refused, net.parameters);
  const auto expected = SafetensorsFile::open(golden(GetParam(), "-logits"));
  const View images = expected->view("images"), logits = expected->view("logits");
  Arena arena(Device::cpu);
  Tape tape({}, arena);
  tape.training = false;
  const Tensor batch = Tensor::from(Device::cpu, {images.as<const float>(), size_t(images.numel())},
                                    {images.dims[0], images.dims[1], images.dims[2], images.dims[3]});
  const Var actual = net.model->forward(tape.input(batch));
  ASSERT_EQ(actual->value.numel(), logits.numel());
  for (int64_t i = 0; i < logits.numel(); ++i)
    EXPECT_NEAR(actual->value.host()[i], logits.as<const float>()[i],
                1e-5 * std::abs(logits.as<const float>()[i]) + 1e-5);
}

TEST_P(Interchange, WritesTheSameBytesBack) {
  TorchNet net(GetParam()), again(GetParam());
  read_weights(golden(GetParam()), OtherClassifier::refused, net.parameters);
  const std::string path = ::testing::TempDir() + "interchange-" + GetParam() + ".safetensors";
  write_torch_file(path, net.parameters, {});
  const auto ours = SafetensorsFile::open(path), theirs = SafetensorsFile::open(golden(GetParam()));
  EXPECT_EQ(ours->names().size(), theirs->names().size());
  for (std::string name : theirs->names()) {
    const StoredTensor& expected = theirs->at(name);
    if (name.starts_with("module.")) {  // skein writes torchvision's names
      name.erase(0, 7);
      if (name.starts_with("linear.")) name.replace(0, 6, "fc");
      if (const size_t at = name.find("shortcut"); at != std::string::npos) name.replace(at, 8, "downsample");
    }
    const StoredTensor& actual = ours->at(name);
    EXPECT_EQ(actual.shape, expected.shape) << name;
    ASSERT_EQ(actual.bytes, expected.bytes) << name;
    EXPECT_EQ(std::memcmp(actual.data, expected.data, actual.bytes), 0) << name;
  }
  read_weights(path, OtherClassifier::refused, again.parameters);
  EXPECT_EQ(again.parameters.value.to_vector(), net.parameters.value.to_vector());
  EXPECT_EQ(again.parameters.running_statistics.to_vector(), net.parameters.running_statistics.to_vector());
  std::filesystem::remove(path);
}

INSTANTIATE_TEST_SUITE_P(Models, Interchange, ::testing::Values("resnet8", "densenet-bc-10-4"), [](const auto& info) {
  std::string name = info.param;
  std::erase(name, '-');
  return name;
});

TEST(InterchangeErrors, NameTheTensor) {
  const auto message = [](const std::string& model, int64_t classes, const std::string& file) -> std::string {
    TorchNet net(model, classes);
    try {
      read_weights(file, OtherClassifier::refused, net.parameters);
    } catch (const BadInput& e) {
      return e.what();
    }
    return "no error";
  };
  EXPECT_NE(
      message("resnet8", 7, golden("resnet8")).find("'module.linear.weight' is F32 [5,64], the model needs F32 [7,64]"),
      std::string::npos);
  EXPECT_NE(message("resnet14", 5, golden("resnet8")).find("there is no tensor 'layer1.1.conv1.weight'"),
            std::string::npos);
  EXPECT_NE(message("densenet-bc-10-4", 5, golden("resnet8")).find("'module.conv1.weight' is F32 [16,3,3,3]"),
            std::string::npos);
  TorchNet small("resnet8");
  const std::string path = ::testing::TempDir() + "interchange-larger.safetensors";
  TorchNet larger("resnet14");
  write_torch_file(path, larger.parameters, {});
  EXPECT_NE(message("resnet8", 5, path).find("the model has no tensor 'layer1.1."), std::string::npos);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace skein::testing
