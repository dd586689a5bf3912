// A wrong configuration fails before data is opened: here there is none to open.
#include "train/validate.h"

#include <gtest/gtest.h>

#include <functional>

#include "data/formats/formats.h"
#include "kernels/device/runtime.h"
#include "tests/support/small_training_run.h"

namespace skein::testing {
namespace {

struct WrongConfig {
  const char* name;
  std::function<void(TrainConfig&)> change;
  std::vector<std::string> parts;  // of the message
};

void PrintTo(const WrongConfig& w, std::ostream* out) { *out << w.name; }

class Validate : public ::testing::TestWithParam<WrongConfig> {};

TrainConfig config_without_data() {
  TrainConfig c = small_config();
  c.data = "cifar10";
  c.data_dir = "/nonexistent";
  return c;
}

TEST_P(Validate, FailsBeforeDataIsOpened) {
  TrainConfig c = config_without_data();
  GetParam().change(c);
  expect_error([&] { train({.config = c}, never); }, GetParam().parts);
}

std::vector<WrongConfig> wrong_configs() {
  const auto workers = [](const char* sync, auto change) {
    return [=](TrainConfig& c) {
      c.workers = 4;
      c.sync = sync;
      change(c);
    };
  };
  const auto none = [](TrainConfig&) {};
  const auto gradients = [](TrainConfig& c) { c.average = Averaging::gradients; };
  return {
      {"range", [](TrainConfig& c) { c.lr = -1; }, {"--lr", "-1 is out of range"}},
      {"order",
       [](TrainConfig& c) {
         c.drops = {0.75, 0.5};
       },
       {"--drops", "not in order"}},
      {"model", [](TrainConfig& c) { c.model = "resnet11"; }, {"--model resnet11", "resnet20"}},
      {"dtype",
       [](TrainConfig& c) { c.device = DeviceChoice::cpu, c.dtype = ComputeType::tf32; },
       {"--dtype tf32", "bf16"}},
      {"conv_of_bf16",
       [](TrainConfig& c) { c.device = DeviceChoice::cpu, c.conv = "avx512-bf16"; },
       {"--conv avx512-bf16", "in f32", "onednn"}},
      {"conv", [](TrainConfig& c) { c.device = DeviceChoice::cpu, c.conv = "fft"; }, {"--conv fft", "onednn", "auto"}},
      {"two_erasures",
       [](TrainConfig& c) { c.cutout = 8, c.random_erase = 0.5; },
       {"--cutout 8", "--random-erase", "one of the two"}},
      {"odd_cutout", [](TrainConfig& c) { c.cutout = 7; }, {"--cutout 7", "even"}},
      {"nothing_to_mix", [](TrainConfig& c) { c.mix_probability = 0.5; }, {"--mix-probability 0.5", "--mixup"}},
      {"mixing_one_image", [](TrainConfig& c) { c.mixup = 1, c.batch = 1; }, {"--batch 1", "--mixup", "at least 2"}},
      {"padding_without_crop",
       [](TrainConfig& c) { c.augment = false, c.crop_padding = 2; },
       {"--crop-padding 2", "--no-augment"}},
      {"flips_without_augmentation",
       [](TrainConfig& c) { c.augment = false, c.flip = Flip::alternate; },
       {"--flip alternate", "--no-augment"}},
      {"whitened_stem_and_weights",
       [](TrainConfig& c) { c.whiten_stem = true, c.init = "weights.safetensors"; },
       {"--whiten-stem", "--init weights.safetensors"}},
      {"bn_stats", [](TrainConfig& c) { c.bn_stats = "mean"; }, {"--bn-stats 'mean'", "recompute:N"}},
      {"partition", [](TrainConfig& c) { c.partition = "dirichlet:0"; }, {"--partition 'dirichlet:0'", "sorted"}},
      {"compress", [](TrainConfig& c) { c.compress = "signs"; }, {"'signs'", "ef-sign:two-way"}},
      {"compressed_fraction",
       [](TrainConfig& c) { c.compress = "ef-topk:1.5"; },
       {"ef-topk:1.5", "'1.5'", "topk:0.01"}},
      {"sync", [](TrainConfig& c) { c.sync = "sometimes"; }, {"sometimes", "post-local"}},
      {"net", [](TrainConfig& c) { c.net = {"1Gbit"}; }, {"1Gbit"}},
      {"two_nets",
       [](TrainConfig& c) {
         c.net = {"1Gbit,1ms", "2Gbit,1ms"};
       },
       {"given twice"}},
      {"sync_without_drop",
       workers("post-local:H=2", [](TrainConfig& c) { c.lr_schedule = RateShape::cosine; }),
       {"post-local:H=2", "from=E must be given"}},
      {"sync_after_the_end",
       workers("post-local:H=2", [](TrainConfig& c) { c.drops = {1}; }),
       {"from=E must be given"}},
      {"restart_without_drop",
       workers("local:H=2,warmup=linear,restart", [](TrainConfig& c) { c.lr_schedule = RateShape::one_cycle; }),
       {"restart", "Leave restart out"}},
      {"drops_of_a_cosine",
       [](TrainConfig& c) { c.lr_schedule = RateShape::cosine, c.drop_factor = 0.5; },
       {"--lr-schedule cosine", "--drop-factor"}},
      {"end_of_drops", [](TrainConfig& c) { c.min_lr = 0.001; }, {"--lr-schedule drops", "--min-lr"}},
      {"end_above_the_peak",
       [](TrainConfig& c) { c.lr_schedule = RateShape::cosine, c.min_lr = 1; },
       {"--min-lr 1", "0.05"}},
      {"warm_up_of_a_cycle",
       [](TrainConfig& c) { c.lr_schedule = RateShape::one_cycle, c.warmup_epochs = 1; },
       {"--lr-schedule one-cycle", "--rise"}},
      {"rise_of_drops", [](TrainConfig& c) { c.rise = 0.5; }, {"--lr-schedule drops", "--rise"}},
      {"momentum_of_adamw",
       [](TrainConfig& c) { c.optimizer = OptimizerKind::adamw, c.momentum = 0.5; },
       {"--optimizer adamw", "--momentum"}},
      {"lars_of_adamw",
       [](TrainConfig& c) { c.optimizer = OptimizerKind::adamw, c.lars = 0.01; },
       {"--optimizer adamw", "--lars"}},
      {"sign_of_adamw",
       [](TrainConfig& c) { c.optimizer = OptimizerKind::adamw, c.sign_step = true; },
       {"--optimizer adamw", "--sign-step"}},
      {"beta_of_sgd", [](TrainConfig& c) { c.beta2 = 0.99; }, {"--optimizer sgd", "--beta2"}},
      {"block", workers("hierarchical:H=2,Hb=2,block=3", none), {"block=3", "4 workers"}},
      {"from", workers("post-local:H=2,from=9", none), {"from=9", "before the end"}},
      {"block_of_one", [](TrainConfig& c) { c.sync = "hierarchical:H=2,Hb=2,block=2"; }, {"block=2", "1 workers"}},
      {"form_without_step",
       [](TrainConfig& c) { c.outer_form = OuterForm::slowmo; },
       {"--outer-form slowmo", "--outer-rate"}},
      {"switch_without_step",
       workers("post-local:H=2,from=1", [](TrainConfig& c) { c.outer_from = OuterFrom::switch_point; }),
       {"--outer-from switch", "no outer step"}},
      {"step_without_switch",
       workers("local:H=2", [](TrainConfig& c) { c.outer_from = OuterFrom::switch_point, c.outer_rate = 0.7; }),
       {"--outer-from switch", "no switch", "post-local"}},
      {"compressed_gradients",
       workers("minibatch", [=](TrainConfig& c) { gradients(c), c.compress = "sign"; }),
       {"--average gradients", "--compress"}},
      {"outer_momentum_of_gradients",
       workers("minibatch", [=](TrainConfig& c) { gradients(c), c.outer_momentum = 0.5; }),
       {"--average gradients", "--outer-"}},
      {"sync_momentum",
       [](TrainConfig& c) { c.sync_momentum = "mean"; },
       {"--sync-momentum 'mean'", "average:every=N"}},
      {"sync_momentum_never",
       [](TrainConfig& c) { c.sync_momentum = "average:every=0"; },
       {"--sync-momentum 'average:every=0'", "from 1"}},
      {"sync_momentum_of_none",
       workers("local:H=2", [](TrainConfig& c) { c.sync_momentum = "average", c.momentum = 0; }),
       {"--sync-momentum average", "--momentum 0"}},
      {"sync_momentum_of_gradients",
       workers("minibatch", [=](TrainConfig& c) { gradients(c), c.sync_momentum = "reset"; }),
       {"--average gradients", "--sync-momentum reset"}},
      {"noise_on_gradients",
       workers("minibatch", [=](TrainConfig& c) { gradients(c), c.noise = 0.1; }),
       {"--average gradients", "--noise"}},
  };
}

INSTANTIATE_TEST_SUITE_P(All, Validate, ::testing::ValuesIn(wrong_configs()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(ValidateAlone, DeviceThatIsMissingFailsBeforeDataIsOpened) {
  if (cuda::available()) GTEST_SKIP() << "there is a GPU";
  TrainConfig c = config_without_data();
  c.device = DeviceChoice::cuda;
  expect_error([&] { train({.config = c}, never); }, {"--device cuda", "--device cpu"});
}

TEST(ValidateAlone, ProcessesThatDoNotDivideTheWorkers) {
  TrainConfig c = config_without_data();
  c.workers = 4;
  expect_error([&] { validate(c, 3); }, {"--workers 4", "3 processes", "multiple of 3", "divides 4"});
  for (const int64_t processes : {1, 2, 4}) validate(c, processes);
  c.workers = 12;
  c.sync = "hierarchical:H=1,Hb=2,block=2";
  expect_error([&] { validate(c, 4); }, {"4 processes have 3 workers each", "a block of 2", "divides 3"});
  for (const int64_t processes : {1, 2, 3, 6, 12}) validate(c, processes);
}

TEST(ValidateAlone, GpusOfARunOnTheCpu) {
  TrainConfig c = config_without_data();
  c.device = DeviceChoice::cpu;
  c.gpus = "2";
  expect_error([&] { validate(c, 1); }, {"--gpus 2", "on the CPU (--device cpu)", "--device cuda"});
}

TEST(ValidateAlone, AugmentationThatDoesNotFitTheData) {
  const Dataset data = make_synthetic({4, 2, 16, 3, 2}, 1).train;
  TrainConfig c = small_config();
  c.cutout = 14;
  check_against(c, data);
  c.cutout = 16;
  expect_error([&] { check_against(c, data); }, {"--cutout 16", "16 x 16", "smaller"});
}

TEST(ValidateAlone, ConfigurationThatIsRightOpensTheData) {
  expect_error([&] { train({.config = config_without_data()}, never); }, {"/nonexistent"});
}

}  // namespace
}  // namespace skein::testing
