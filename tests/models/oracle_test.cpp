// skein's results against PyTorch's in tests/golden, which tests/oracle/torch_check.py --golden has written.
#include "tests/oracle/oracle.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/safetensors.h"
#include "kernels/conv.h"

namespace skein::testing {
namespace {

double relative_error(const Tensor& actual, View expected) {
  double difference = 0, norm = 0;
  for (int64_t i = 0; i < expected.numel(); ++i) {
    const double e = double(expected.as<const float>()[i]);
    difference += std::pow(double(actual.host()[i]) - e, 2);
    norm += e * e;
  }
  return std::sqrt(difference / norm);
}

class Oracle : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { cpu::force_conv_implementation(GetParam()); }
  void TearDown() override { cpu::force_conv_implementation("auto"); }
};

TEST_P(Oracle, ResNet8AgreesWithPyTorch) {
  const auto golden = SafetensorsFile::open(SKEIN_SOURCE_DIR "/tests/golden/resnet8.safetensors");
  OracleSettings settings;  // settings of the golden file; torch_check.py gives the reason for the small batch
  settings.batch = 4;
  settings.size = 16;
  settings.rate = 0.005f;
  const OracleRun run = run_oracle(settings);
  ASSERT_EQ(golden->names().size(), run.results.size());
  for (const auto& [name, actual] : run.results)
    EXPECT_LE(relative_error(actual.tensor, golden->view(name)), name == "losses" ? 1e-3 : 1e-4) << name;
}

INSTANTIATE_TEST_SUITE_P(Conv, Oracle, ::testing::ValuesIn(cpu::conv_implementations(DType::f32)),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace skein::testing
