// Frozen layers keep their bits, whatever trains the others; the gradients of the others are as without freezing.
#include "train/weights/freeze.h"

#include "engine/ops.h"
#include "tests/support/small_training_run.h"
#include "train/run/inference.h"
#include "train/run/resume.h"
#include "train/run/weights_file.h"
#include "train/trainer.h"
#include "train/validate.h"
#include "train/weights/whitening.h"

namespace skein::testing {
namespace {

const std::string kTorchFile = SKEIN_SOURCE_DIR "/tests/golden/torch_resnet8.safetensors";

TEST(Freeze, FrozenLayersDoNotMove) {
  for (const std::string model : {"resnet8", "wrn10-1", "densenet-bc-10-4"})
    for (const Freeze what : {Freeze::stem, Freeze::all_but_classifier}) {
      TrainConfig c = small_config();
      c.model = model;
      c.freeze = what;
      c.workers = 3;
      c.sync = "local:H=2";
      c.compress = "ef-sign";
      c.weight_decay = 0.1;
      c.ema = 0.9;
      const bool stem = what == Freeze::stem;
      c.lars = stem ? 0.01 : 0;
      c.recompute = stem;
      c.dropout = model != "resnet8" && stem ? 0.3 : 0;
      c.optimizer = stem ? OptimizerKind::sgd : OptimizerKind::adamw;
      ProcessGroup alone;
      const Splits data = open_dataset(c.data, dataset_options(c));
      const ModelInfo info = make_model_info(c, data.train);
      Trainer trainer(alone, info, data);
      const ParameterStore& p = trainer.worker(0).parameters();
      const std::vector<float> frozen = p.frozen.to_vector(), value = p.value.to_vector();
      trainer.run({[](const StepMetrics&) {}, [](const EpochMetrics&) {}, never, 4});
      for (int64_t w = 0; w < trainer.local_size(); ++w) {
        EXPECT_EQ(trainer.worker(w).parameters().frozen.to_vector(), frozen) << model;
        EXPECT_NE(trainer.worker(w).parameters().value.to_vector(), value) << model;
      }
      EXPECT_EQ(trainer.model_parameters().frozen.to_vector(), frozen) << model;
      EXPECT_EQ(trainer.ema_parameters()->frozen.to_vector(), frozen) << model;
      ParameterStore whole;
      make_model(model, info.model_options(), whole);
      whole.build(Device::cpu, 0);
      EXPECT_EQ(p.count() + p.frozen_count(), whole.count());
      EXPECT_EQ(p.specs().size() + p.running_specs().size() + p.frozen_specs().size(),
                whole.specs().size() + whole.running_specs().size());
    }
}

struct Net {
  Net(const std::string& name, bool frozen) : model(make_model(name, {.classes = 3}, store)) {
    if (frozen) store.freeze([](const std::string& layer) { return layer == "conv1"; });
    store.build(Device::cpu, 1);
    const Tensor images = Tensor::empty(Device::cpu, DType::f32, {2, 8, 8, 3});
    for (int64_t i = 0; i < images.numel(); ++i) images.host()[i] = float(i % 17) / 17.0f;
    const Tensor labels = Tensor::zeros(Device::cpu, DType::i32, {2});
    tape.backward(cross_entropy(model->forward(tape.input(images)), labels).mean);
  }
  ParameterStore store;
  std::unique_ptr<Model> model;
  Arena arena{Device::cpu};
  Tape tape{{}, arena};
};

// A convolution computes the same, frozen or not.
TEST(Freeze, TheOtherGradientsAreTheSame) {
  for (const std::string name : {"resnet8", "wrn10-1", "densenet-bc-10-4"}) {
    const Net all(name, false), rest(name, true);
    ASSERT_EQ(rest.store.specs().size() + 1, all.store.specs().size());
    for (size_t i = 0; i < rest.store.specs().size(); ++i) {
      EXPECT_EQ(rest.store.specs()[i].name, all.store.specs()[i + 1].name);
      const Segment a = all.store.segments()[i + 1], b = rest.store.segments()[i];
      EXPECT_EQ(std::memcmp(all.store.grad.host() + a.begin, rest.store.grad.host() + b.begin, size_t(a.count) * 4), 0)
          << name << " " << rest.store.specs()[i].name;
      EXPECT_EQ(std::memcmp(all.store.value.host() + a.begin, rest.store.value.host() + b.begin, size_t(a.count) * 4),
                0)
          << "another initial value";
    }
  }
}

TEST(Freeze, TheStemIsWhitenedFirst) {
  TrainConfig c = small_config();
  c.freeze = Freeze::stem;
  ProcessGroup alone;
  const Splits data = open_dataset(c.data, dataset_options(c));
  Trainer trainer(alone, make_model_info(c, data.train), data);
  whiten_stem(data.train, trainer);
  std::vector<float> stem = trainer.worker(0).parameters().frozen.to_vector();
  const std::vector<float> filters = whitening_filters(data.train, {16, 3, 3});
  stem.resize(filters.size());
  EXPECT_EQ(stem, filters);
}

// The residual of the first block comes from frozen layers.
TEST(Freeze, AResidualMayHaveNoGradient) {
  const auto gradients = [](bool needs_grad) {
    ParameterStore p;
    const Var gamma = p.add({"gamma", {4}, {Init::normal, 1}, false}),
              beta = p.add({"beta", {4}, {Init::normal, 1}, false}),
              w = p.add({"w", {4, 1, 1, 4}, {Init::normal, 1}, true});
    const RunningStatistics running = p.add_running_statistics("bn", 4);
    p.build(Device::cpu, 3);
    Arena arena(Device::cpu);
    Tape tape({}, arena);
    const Tensor x = Tensor::from(Device::cpu, std::vector<float>{1, -2, 3, 4, 5, 6, -7, 8}, {2, 1, 1, 4});
    const Var residual = tape.input(x);
    residual->needs_grad = needs_grad;
    const Var sum = add_to(conv2d(tape.input(x), w, {1, 0}), residual);
    const Var y = batch_norm(sum, gamma, beta, running, true, residual);
    tape.backward(cross_entropy(global_average_pool(y), Tensor::zeros(Device::cpu, DType::i32, {2})).mean);
    return p.grad.to_vector();
  };
  EXPECT_EQ(gradients(false), gradients(true));
}

TEST(Freeze, TrainsTheClassifierAloneAndGoesOnToTheBit) {
  const TempDir dir;
  const std::string whole = (dir / "whole").string(), parts = (dir / "parts").string();
  TrainConfig c = small_config();
  c.init = kTorchFile;
  c.freeze = Freeze::all_but_classifier;
  c.workers = 2;
  c.sync = "local:H=3";
  c.ema = 0.9;
  EXPECT_TRUE(train({.config = c, .out = whole}, never));
  EXPECT_FALSE(train({.config = c, .out = parts, .limit_steps = 4}, never));
  EXPECT_TRUE(train({.config = c, .resume = parts}, never));
  for (const std::string model : {"/model.safetensors", "/ema/model.safetensors"})
    expect_same_tensors(last(whole) + model, last(parts) + model);
  const TrainedModel trained(last(whole));
  ParameterStore golden;
  make_model(c.model, {.classes = 10}, golden);
  golden.build(Device::cpu, 0);
  read_weights(kTorchFile, OtherClassifier::keeps_initial_values, golden);
  for (size_t i = 0; i < golden.specs().size(); ++i) {
    const Segment s = golden.segments()[i];
    const bool same =
        std::memcmp(golden.value.host() + s.begin, trained.parameters.value.host() + s.begin, size_t(s.count) * 4) == 0;
    EXPECT_EQ(same, !golden.specs()[i].name.starts_with("fc.")) << golden.specs()[i].name;
  }
  EXPECT_EQ(golden.running_statistics.to_vector(), trained.parameters.running_statistics.to_vector());
  c.recompute = true;
  expect_error([&] { refuse_idle_settings(c, open_dataset(c.data, dataset_options(c)).train); },
               {"--recompute", "--freeze all-but-classifier"});
}

}  // namespace
}  // namespace skein::testing
