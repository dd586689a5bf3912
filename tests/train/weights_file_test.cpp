// Weights to start from: names, prefixes and types that PyTorch writes, and files that cannot be taken whole.
#include "train/run/weights_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "base/formats/json.h"
#include "engine/safetensors.h"
#include "models/model.h"
#include "tests/support/run_binary.h"
#include "tests/support/small_training_run.h"
#include "train/run/resume.h"
#include "train/trainer.h"

namespace skein::testing {
namespace {

const std::string kTorchFile = SKEIN_SOURCE_DIR "/tests/golden/torch_resnet8.safetensors";  // 5 classes, "module."

struct RawTensor {
  std::string dtype;
  std::vector<int64_t> shape;
  std::string bytes;
};
using RawTensors = std::map<std::string, RawTensor>;

RawTensors tensors_of(const std::string& path) {
  const auto file = SafetensorsFile::open(path);
  RawTensors all;
  for (const std::string& name : file->names()) {
    const StoredTensor& t = file->at(name);
    all[name] = {t.dtype, t.shape, {reinterpret_cast<const char*>(t.data), t.bytes}};
  }
  return all;
}

// The golden file without its prefix, and each name behind another one.
RawTensors with_prefix(const std::string& prefix) {
  RawTensors all;
  for (const auto& [name, t] : tensors_of(kTorchFile)) all[prefix + name.substr(7)] = t;
  return all;
}

void write_raw(const fs::path& path, const RawTensors& tensors) {
  Json header = Json::object();
  std::string data;
  for (const auto& [name, t] : tensors) {
    const std::vector<size_t> offsets{data.size(), data.size() + t.bytes.size()};
    header[name] = {{"dtype", t.dtype}, {"shape", t.shape}, {"data_offsets", offsets}};
    data += t.bytes;
  }
  const std::string text = header.dump();
  const uint64_t length = text.size();
  write_file(path, std::string(reinterpret_cast<const char*>(&length), 8) + text + data);
}

// Every value as another type, by its bits; variances and gammas get positive ones.
template <class T>
RawTensors as_type(const std::string& dtype, T value) {
  RawTensors all = with_prefix("");
  for (auto& [name, t] : all) {
    std::string bytes;
    for (size_t i = 0; i < t.bytes.size() / 4; ++i) bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    t = {dtype, t.shape, bytes};
  }
  return all;
}

struct Net {
  explicit Net(int64_t classes = 5, const std::string& name = "resnet8")
      : model(make_model(name, {.classes = classes}, parameters)) {
    parameters.build(Device::cpu, 1);
  }
  ParameterStore parameters;
  std::unique_ptr<Model> model;
};

class WeightsFile : public ::testing::Test {
 protected:
  std::string path() const { return (dir_ / "weights.safetensors").string(); }
  std::vector<std::string> read(Net& net, const RawTensors& tensors,
                                OtherClassifier other = OtherClassifier::keeps_initial_values) const {
    write_raw(path(), tensors);
    return read_weights(path(), other, net.parameters);
  }
  TempDir dir_;
};

TEST_F(WeightsFile, PrefixesAreStrippedAndSaid) {
  Net golden;
  read_weights(kTorchFile, OtherClassifier::refused, golden.parameters);
  for (const std::string prefix : {"", "_orig_mod.", "model.", "module._orig_mod.", "_orig_mod.module."}) {
    Net net;
    RawTensors tensors = with_prefix(prefix);
    tensors["n_averaged"] = {"I64", {}, std::string(8, '\7')};
    const std::vector<std::string> notes = read(net, tensors);
    EXPECT_EQ(net.parameters.value.to_vector(), golden.parameters.value.to_vector()) << prefix;
    EXPECT_EQ(net.parameters.running_statistics.to_vector(), golden.parameters.running_statistics.to_vector());
    ASSERT_EQ(notes.size(), prefix.empty() ? 1u : 2u);
    EXPECT_EQ(notes[0], "left out 'n_averaged', the counter of an averaged model");
    if (!prefix.empty()) {
      EXPECT_EQ(notes[1], fmt::format("stripped '{}' from {} names", prefix, tensors.size() - 1));
    }
  }
}

TEST_F(WeightsFile, OtherTypesAreConvertedAndSaid) {
  const auto expect = [&](const RawTensors& tensors, float value, const std::string& dtype) {
    Net net;
    const auto notes = read(net, tensors);
    for (const auto* flat : {&net.parameters.value, &net.parameters.running_statistics})
      EXPECT_EQ(flat->host()[0], value) << dtype;
    EXPECT_EQ(net.parameters.value.host()[net.parameters.segments()[0].count - 1], value);
    ASSERT_EQ(notes.size(), 1u);
    EXPECT_EQ(notes[0], fmt::format("converted {} tensors from {} to F32", tensors.size(), dtype));
  };
  expect(as_type<uint16_t>("BF16", 0x3fc0), 1.5f, "BF16");
  for (const auto& [bits, value] : {std::pair{0x3e00, 1.5f},
                                    {0x0001, 0x1p-24f},
                                    {0x03ff, 0x3ffp-24f},
                                    {0x7bff, 65504.f},
                                    {0x0400, 0x1p-14f},
                                    {0x8000, -0.f}})
    expect(as_type<uint16_t>("F16", uint16_t(bits)), value, "F16");
  expect(as_type<double>("F64", 0.1), 0.1f, "F64");
}

TEST_F(WeightsFile, TwoSetsOfWeightsAreRefusedByName) {
  Net net;
  RawTensors both = with_prefix("");
  both.merge(with_prefix("module."));
  expect_error([&] { read(net, both); }, {path(), "two sets of weights", "'bn1.bias' and 'module.bn1.bias'"});
  both = with_prefix("");
  both.merge(with_prefix("ema."));
  expect_error([&] { read(net, both); }, {"two sets of weights", "'conv1.weight' and 'ema.conv1.weight'"});
  expect_error([&] { read(net, with_prefix("ema.")); }, {"begin with 'ema.'", "module., _orig_mod., model."});
}

TEST_F(WeightsFile, EveryTensorThatDoesNotFitIsListed) {
  Net net, untouched;
  RawTensors tensors = with_prefix("");
  tensors["surplus.weight"] = tensors["bn1.weight"];
  tensors.erase("bn1.bias");
  tensors.erase("layer2.0.bn1.running_var");
  tensors["bn1.weight"].shape = {4, 4};
  expect_error([&] { read(net, tensors); },
               {path(), "there is no tensor 'bn1.bias', 'layer2.0.bn1.running_var'", "no tensor 'surplus.weight'",
                "'bn1.weight' is F32 [4,4], the model needs F32 [16]", "--model"});
  tensors = as_type<float>("F32", std::nanf(""));
  expect_error([&] { read(net, tensors); }, {"holds nan"});
  expect_error([&] { read(net, as_type<double>("F64", 1e300)); }, {"holds inf"});
  expect_error([&] { read(net, as_type<float>("F32", -1.0f)); }, {"running_var' holds -1"});
  EXPECT_EQ(net.parameters.value.to_vector(), untouched.parameters.value.to_vector()) << "half a file was taken";
  write_file(path(), "PK\3\4" + std::string(100, 'x'));
  expect_error([&] { read_weights(path(), OtherClassifier::refused, net.parameters); }, {"torch.save", "save_file"});
}

TEST_F(WeightsFile, AnotherClassifierKeepsItsInitialValues) {
  Net net(7), fresh(7), golden(5);
  expect_error([&] { read(net, with_prefix(""), OtherClassifier::refused); }, {"'linear.weight' is F32 [5,64]"});
  read(golden, with_prefix(""));
  EXPECT_EQ(read(net, with_prefix("")).back(), "the classifier is drawn anew: the file's is for 5 classes");
  for (size_t i = 0; i < net.parameters.specs().size(); ++i) {
    const bool classifier = net.parameters.specs()[i].name.starts_with("fc.");
    const ParameterStore& same = classifier ? fresh.parameters : golden.parameters;
    const float *a = net.parameters.value.host() + net.parameters.segments()[i].begin,
                *b = same.value.host() + same.segments()[i].begin;
    EXPECT_EQ(std::memcmp(a, b, size_t(same.segments()[i].count) * 4), 0) << net.parameters.specs()[i].name;
  }
}

TEST_F(WeightsFile, AMissingClassifierIsDrawnAnew) {
  Net net(7), fresh(7);
  RawTensors headless = with_prefix("");
  std::erase_if(headless, [](const auto& t) { return t.first.starts_with("linear."); });
  expect_error([&] { read(net, headless, OtherClassifier::refused); }, {"there is no tensor 'fc.weight', 'fc.bias'"});
  EXPECT_EQ(read(net, headless).back(), "the classifier is drawn anew: the file has none");
  const Segment fc = net.parameters.segments()[net.parameters.segments().size() - 2];
  EXPECT_EQ(std::memcmp(net.parameters.value.host() + fc.begin, fresh.parameters.value.host() + fc.begin,
                        size_t(fc.count) * 4),
            0);
  RawTensors backbone = with_prefix("backbone.");
  for (const char* part : {"weight", "bias"}) {
    backbone[std::string("head.") + part] = backbone[std::string("backbone.linear.") + part];
    backbone.erase(std::string("backbone.linear.") + part);
  }
  expect_error([&] { read(net, backbone); }, {"the names of the network begin with 'backbone.'"});
}

TEST(InitialWeights, AreTheSameInEveryWorker) {
  const TempDir dir;
  const std::string first = (dir / "first").string();
  ASSERT_TRUE(train({.config = small_config(), .out = first}, never));
  TrainConfig c = small_config();
  c.init = first;
  c.workers = 3;
  c.sync = "local:H=2";
  ProcessGroup alone;
  const Splits data = open_dataset(c.data, dataset_options(c));
  const ModelInfo info = make_model_info(c, data.train);
  Trainer trainer(alone, info, data);
  EXPECT_TRUE(load_initial_weights(c, trainer).empty());
  Net expected(10);
  load_model(open_checkpoint(first + "/checkpoints/best"), expected.parameters);
  for (int64_t i = 0; i < trainer.local_size(); ++i) {
    EXPECT_EQ(trainer.worker(i).parameters().value.to_vector(), expected.parameters.value.to_vector());
    EXPECT_EQ(trainer.worker(i).parameters().running_statistics.to_vector(),
              expected.parameters.running_statistics.to_vector());
  }
}

TEST(Cli, InitIsRecordedAndNotNeededAgain) {
  const TempDir dir;
  const std::string run = (dir / "run").string(), again = (dir / "again").string();
  fs::copy_file(kTorchFile, dir / "w.safetensors");
  const ProgramOutput begun =
      shell(fmt::format("cd {} && {} {} --init w.safetensors --limit-steps 3 --out run", dir.str(), kSkein, kSmallRun));
  ASSERT_EQ(begun.status, 0) << begun.err;
  expect_parts(begun.out, {"init     " + dir.str() + "/w.safetensors (digest ", "stripped 'module.'",
                           "the classifier is drawn anew: the file's is for 5 classes"});
  expect_parts(read_file(run + "/config.toml"), {"init = '" + dir.str() + "/w.safetensors'", "init-digest = '"});
  write_file(dir / "w.safetensors", read_file(kTorchFile) + "x");
  expect_failure(skein("train --config " + run + "/config.toml --out " + again), 2,
                 {"--init " + dir.str(), "digest", "--init-digest"});
  fs::remove(dir / "w.safetensors");
  EXPECT_EQ(skein("train --limit-steps 2 --resume " + run).status, 0);
  expect_failure(skein(kSmallRun + " --init " + dir.str() + "/none --out " + again), 2,
                 {"/none", "no such file or folder"});
  expect_failure(skein("train --init x --resume " + run), 2, {"--init", "a resumed run keeps its own"});
}

}  // namespace
}  // namespace skein::testing
