#include "train/config/config.h"

#include <iterator>

#include "apps/command_line.h"
#include "tests/support/data_files.h"
#include "train/config/recipes.h"
#include "train/validate.h"

namespace skein::testing {
namespace {

TrainConfig parse(const std::string& text) {
  TrainConfig config;
  parse_config(text, "run.toml", config);
  return config;
}

// The merge of what a command line does: the file first, then the flags.
TrainConfig merge(const std::string& file, const std::vector<std::string>& arguments, Start start = Start::fresh) {
  TrainConfig flags, config = parse(file);
  Command train("train", "");
  train.append(config_options(flags));
  skein::parse(train, arguments);
  check_options(train);
  apply_flags(train.given, flags, start, config);
  return config;
}

TEST(Config, WrittenAndReadBackIsTheSame) {
  TrainConfig c;
  c.model = "resnet32";
  c.data = "dir with \"quotes\"/x.skein";
  c.lr = 0.1 + 0.2;
  c.weight_decay = 1.0 / 3e5;
  c.base_batch = 64;
  c.drops = {1.0 / 3, 2.0 / 3, 8.0 / 9};
  c.nesterov = c.augment = false;
  c.seed = INT64_MAX;
  c.threads = 3;
  c.shortcut = ShortcutKind::A;
  c.lr_scaling = RateScaling::sqrt;
  c.average = Averaging::gradients;
  c.eval_local = EvalLocal::every;
  c.partition = "sorted";
  c.device = DeviceChoice::cuda;
  c.dtype = ComputeType::tf32;
  EXPECT_FALSE(c == TrainConfig{});
  EXPECT_EQ(parse(to_toml(c)), c);
  EXPECT_EQ(parse(to_toml({})), TrainConfig{});
}

TEST(Config, FlagsOverrideTheFileAndTheFileTheDefaults) {
  const TrainConfig c = merge("epochs = 7\nlr = 1\nnesterov = false\ndrops = [0.25]",
                              {"--epochs", "9", "--drops", "0.3,0.6,0.8", "--no-augment"});
  EXPECT_EQ(c.epochs, 9);
  EXPECT_EQ(c.lr, 1.0);
  EXPECT_FALSE(c.nesterov);
  EXPECT_FALSE(c.augment);
  EXPECT_EQ(c.drops, (std::vector<double>{0.3, 0.6, 0.8}));
  EXPECT_EQ(c.batch, TrainConfig{}.batch);
  EXPECT_TRUE(merge("nesterov = false", {"--nesterov"}).nesterov);
}

TEST(Config, DropsAreFractionsOrEpochs) {
  const auto epochs = [](const std::string& file, const std::vector<std::string>& flags) {
    const TrainConfig c = merge("epochs = 90\n" + file, flags);
    validate(c, 1);
    return drop_epochs(c);
  };
  using Epochs = std::vector<double>;
  EXPECT_EQ(epochs("", {}), (Epochs{45, 67.5}));
  EXPECT_EQ(epochs("", {"--drop-epochs", "30,60,80"}), (Epochs{30, 60, 80}));
  EXPECT_EQ(epochs("", {"--drops", "0.1,0.2", "--drops", "0.5"}), (Epochs{45})) << "the second list replaces the first";
  EXPECT_EQ(epochs("drop-epochs = [30, 60]", {}), (Epochs{30, 60}));
  EXPECT_EQ(epochs("drop-epochs = [30, 60]", {"--drops", "0.5"}), (Epochs{45}));
  EXPECT_EQ(epochs("drops = [0.5]", {"--drop-epochs", "30"}), (Epochs{30}));
  expect_error([&] { epochs("", {"--drops", "0.5", "--drop-epochs", "30"}); }, {"--drops and --drop-epochs", "one of"});
  expect_error([&] { epochs("drops = [0.5]\ndrop-epochs = [30]", {}); }, {"--drops and --drop-epochs", "one of"});
  expect_error([&] { epochs("", {"--drop-epochs", "30,90"}); }, {"--drop-epochs: 90", "90 epochs"});
  expect_error([&] { epochs("", {"--drop-epochs", "60,30"}); }, {"--drop-epochs", "not in order"});
  expect_error([&] { epochs("", {"--drops", "half"}); }, {"--drops", "'half'", "list of numbers"});
}

TEST(Config, EveryKeyIsAFlagAndShowsItsDefault) {
  TrainConfig flags;
  const OptionList list = config_options(flags);
  std::istringstream lines(to_toml({}));
  int keys = 0;
  for (std::string line; std::getline(lines, line) && !line.empty(); ++keys) {
    const std::string key = line.substr(0, line.find(' '));
    const auto option =
        std::find_if(list.options().begin(), list.options().end(), [&](const Option& o) { return o.name == key; });
    ASSERT_NE(option, list.options().end()) << key;
    EXPECT_STRNE(option->help, "") << key;
    EXPECT_STRNE(option->group, "") << key;
    const bool may_be_empty = key == "data-dir" || key == "net" || key == "elastic" || key == "drop-epochs" ||
                              key == "gpus" || key.starts_with("init");
    EXPECT_TRUE(!text_of(*option).empty() || may_be_empty) << key;
  }
  EXPECT_EQ(size_t(keys), list.options().size());
}

// Checkpoints and run folders of older versions are read, so these texts must not change.
TEST(Config, ChoicesAreTheSameTextInFiles) {
  const TrainConfig c = parse(
      "shortcut = \"A\"\nlr-scaling = \"none\"\naverage = \"gradients\"\neval-local = \"never\"\n"
      "partition = \"fixed\"\ndevice = \"cpu\"\ndtype = \"bf16\"\n");
  EXPECT_EQ(c.shortcut, ShortcutKind::A);
  EXPECT_EQ(c.lr_scaling, RateScaling::none);
  EXPECT_EQ(c.average, Averaging::gradients);
  EXPECT_EQ(c.eval_local, EvalLocal::never);
  EXPECT_EQ(c.partition, "fixed");
  EXPECT_EQ(c.device, DeviceChoice::cpu);
  EXPECT_EQ(c.dtype, ComputeType::bf16);
  const std::string text = to_toml({});
  for (const char* line : {"shortcut = 'B'", "lr-scaling = 'linear'", "average = 'models'", "eval-local = 'last'",
                           "partition = 'global'", "device = 'auto'", "dtype = 'f32'"})
    EXPECT_NE(text.find(line), std::string::npos) << line << " is not in\n" << text;
}

TEST(Config, ErrorsInTheFileNameFileLineKeyAndFix) {
  expect_error([] { parse("epochs = 3\nepoch = 4\n"); }, {"run.toml:2: epoch", "no such key", "did you mean epochs?"});
  expect_error([] { parse("zzzzzzzzzzzz = 4\n"); }, {"run.toml:1: zzzzzzzzzzzz", "skein train --help"});
  expect_error([] { parse("\n\nepochs = \"3\"\n"); }, {"run.toml:3: epochs", "must be a whole number"});
  expect_error([] { parse("epochs = 3.5\n"); }, {"run.toml:1: epochs", "must be a whole number"});
  expect_error([] { parse("lr = true\n"); }, {"run.toml:1: lr", "must be a number"});
  expect_error([] { parse("nesterov = 1\n"); }, {"run.toml:1: nesterov", "true or false"});
  expect_error([] { parse("model = 20\n"); }, {"run.toml:1: model", "text in quotes"});
  expect_error([] { parse("drops = 0.5\n"); }, {"run.toml:1: drops", "list of numbers"});
  expect_error([] { parse("drops = [0.5, \"x\"]\n"); }, {"run.toml:1: drops", "list of numbers"});
  expect_error([] { parse("[train]\nepochs = 3\n"); }, {"run.toml:1: train", "no such key"});
  expect_error([] { parse("epochs = 3\nlr = \n"); }, {"run.toml:2", "not TOML"});
  expect_error([] { parse("lr = nan\n"); }, {"run.toml:1: lr", "nan is out of range"});
  std::string deep = "a";  // a reader that calls itself for every part ends the stack
  for (int i = 0; i < 200'000; ++i) deep += ".a";
  expect_error([&] { parse("\n[" + deep + "]\n"); }, {"run.toml:2", "not TOML"});
  expect_error([&] { parse(deep + " = 1\n"); }, {"run.toml:1", "not TOML"});
  TrainConfig config;
  expect_error([&] { read_config("/nonexistent/run.toml", config); }, {"/nonexistent/run.toml", "No such file"});
}

TEST(Config, ValuesAreCheckedWhereverTheyComeFrom) {
  expect_error([] { parse("shortcut = \"C\"\n"); }, {"run.toml:1: shortcut", "'C'", "A, B"});
  expect_error([] { merge("", {"--shortcut", "C"}); }, {"--shortcut", "'C'", "A, B"});
  expect_error([] { merge("", {"--device", "tpu"}); }, {"--device", "'tpu'", "auto, cpu, cuda"});
  expect_error([] { merge("", {"--lr", "-1"}); }, {"--lr", "-1 is out of range"});
  expect_error([] { merge("", {"--epochs", "0"}); }, {"--epochs", "from 1"});
  expect_error([] { merge("", {"--seed", "-1"}); }, {"--seed", "from 0"});
  expect_error([] { merge("", {"--drops", "0.5,1.5"}); }, {"--drops", "1.5 is out of range"});
  expect_error([] { merge("", {"--drops", "0.75,0.5"}); }, {"--drops", "not in order"});
}

TEST(Config, ResumingTakesOnlyFlagsThatKeepTheMathematics) {
  expect_error([] { merge("", {"--batch", "9"}, Start::resumed); }, {"--batch", "a resumed run keeps its own"});
  expect_error([] { merge("", {"--drops", "0.9"}, Start::resumed); }, {"--drops", "unless --epochs N", "give both"});
  EXPECT_EQ(merge("", {"--drops", "0.9", "--epochs", "9"}, Start::resumed).epochs, 9);
  expect_error([] { merge("", {"--no-augment"}, Start::resumed); }, {"--augment"});
  EXPECT_EQ(merge("", {"--threads", "2", "--data-dir", "x", "--conv", "onednn"}, Start::resumed).threads, 2);
  EXPECT_EQ(merge("batch = 9", {"--batch", "9"}, Start::resumed).batch, 9) << "what it has anyway may be said";
}

TEST(Config, OnlyWorkersThatStartAgainCanBeOthers) {
  expect_error(
      [] {
        merge("workers = 4", {"--workers", "8"}, Start::resumed);
      },
      {"--workers", "momentum and data of its own", "--from-consensus"});
  EXPECT_EQ(merge("workers = 4", {"--workers", "8"}, Start::from_consensus).workers, 8);
  expect_error([] { merge("", {"--batch", "9"}, Start::from_consensus); }, {"--batch", "keeps its own"});
}

TEST(Recipes, AreReadValidAndSpelledOut) {
  std::istringstream names(recipe_list());
  int64_t recipes = 0;
  for (std::string line; std::getline(names, line);) {
    if (line.starts_with("   ")) continue;
    TrainConfig c;
    apply_recipe(line.substr(2, line.find(':') - 2), c);
    c.device = DeviceChoice::cpu;
    validate(c, 1);
    EXPECT_EQ(parse(to_toml(c)), c) << line;
    ++recipes;
  }
  EXPECT_EQ(recipes, 3);
}

// The help shows flags that can be typed: they set what the recipe sets.
TEST(Recipes, AreListedAsFlags) {
  std::istringstream lines(recipe_list());
  for (std::string name, text; std::getline(lines, name) && std::getline(lines, text);) {
    TrainConfig recipe;
    std::istringstream words(text);
    apply_recipe(name.substr(2, name.find(':') - 2), recipe);
    EXPECT_EQ(to_toml(merge("", {std::istream_iterator<std::string>(words), {}})), to_toml(recipe));
  }
}

TEST(Recipes, GiveWayToFlags) {
  TrainConfig flags, config;
  Command train("train", "");
  train.append(config_options(flags));
  skein::parse(train, {"--epochs", "9"});
  apply_recipe("paper", config);
  apply_flags(train.given, flags, Start::fresh, config);
  EXPECT_EQ(config.epochs, 9);
  EXPECT_EQ(config.workers, 16);
  expect_error([&] { apply_recipe("papers", config); }, {"--recipe 'papers'", "give paper, timm-small, fast-cifar"});
}

TEST(Config, ValuesByFlag) {
  TrainConfig c;
  c.drops = {0.25, 0.5};
  const auto values = config_values(c);
  EXPECT_NE(std::find(values.begin(), values.end(), std::pair<std::string, std::string>("--drops", "0.25,0.5")),
            values.end());
  EXPECT_NE(std::find(values.begin(), values.end(), std::pair<std::string, std::string>("--nesterov", "true")),
            values.end());
}

}  // namespace
}  // namespace skein::testing
