// Presets of skein reproduce: the program's own, what is refused, and scaling.
#include "apps/reproduce/preset.h"

#include <algorithm>
#include <filesystem>

#include "apps/reproduce/study.h"
#include "tests/support/run_binary.h"
#include "tests/support/small_preset.h"

namespace skein::testing {
namespace {

TEST(Preset, AllThatAreInTheProgramCanBePlanned) {
  std::vector<std::string> files;
  for (const auto& file : std::filesystem::directory_iterator(SKEIN_SOURCE_DIR "/recipes"))
    if (file.path().extension() == ".toml") files.push_back(file.path().stem().string());
  std::sort(files.begin(), files.end());
  EXPECT_EQ(preset_names(), files) << "a file of recipes/ has no line in apps/CMakeLists.txt";
  for (const std::string& name : preset_names()) {
    const Preset preset = find_preset(name);
    EXPECT_FALSE(preset.about.empty()) << name;
    StudyOptions options;
    options.out = "nowhere";
    options.scale = 0.2;
    const Study study = survey(scaled(preset, options), options, {});
    EXPECT_EQ(study.settings.size(), preset.settings.size()) << name;
    EXPECT_FALSE(study.missing().empty()) << name;
  }
}

TEST(Preset, RefusesWhatItCannotRead) {
  const auto refuses = [](const std::string& text, const std::vector<std::string>& parts) {
    expect_error([&] { parse_preset(text, "p.toml", "p"); }, parts);
  };
  refuses("a =", {"p.toml:1", "TOML"});
  refuses(kPresetHead, {"no [[setting]]"});
  refuses("about = 3\n", {"p.toml:1: about", "type"});
  refuses("about = \"x\"\n", {"lacks data"});
  const std::string one = kPresetHead + "[[setting]]\nname = \"a\"\n";
  refuses(one + "flag = \"--x\"\n", {"flag: no such key", "flags"});
  refuses(one + one.substr(kPresetHead.size()), {"two settings a"});
  refuses(kPresetHead + "[[setting]]\nname = \"a/b\"\n", {"a/b", "folder"});
  refuses(one + "[[claim]]\ntext = \"t\"\nbetter = \"a\"\nthan = \"b\"\nmeasures = []\n", {"no setting is named 'b'"});
  refuses(one + "[[claim]]\ntext = \"t\"\nbetter = \"a\"\nthan = \"a\"\nmeasures = [\"luck\"]\n",
          {"luck", "train-loss"});
  expect_error([] { find_preset("resnet20-cifar10-cp"); }, {"Did you mean resnet20-cifar10-cpu?"});
  expect_error([] { find_preset("zzzzzzzzzz"); }, {"there is no such preset", "partitions"});
}

TEST(Preset, ScalesEpochsWarmUpAndSwitch) {
  StudyOptions options;
  options.scale = 0.5;
  options.out = "nowhere";
  const Preset p = scaled(small_preset(), options);
  EXPECT_EQ(p.epochs, 2);
  EXPECT_EQ(p.grid_epochs, 1);
  EXPECT_EQ(p.warmup_epochs, 2.5);
  EXPECT_EQ(images_of(p), 76 * (3 * 2 * 2 + 2 * 1));
  const Study study = survey(p, options, {});
  EXPECT_EQ(title_of(study), "small, scale 0.5: 2 epochs");
  EXPECT_EQ(study.settings[0].flags, "--workers 2 --sync post-local:H=2,from=1");
  options.scale = 0.1;
  expect_error([&] { scaled(small_preset(), options); }, {"--scale 0.1", "less than one"});
  Preset late = small_preset();
  late.settings[0].flags.back() = "post-local:H=11,from={0.5}";  // 2 epochs of 5 steps remain
  options.scale = 1;
  expect_error([&] { survey(late, options, {}); }, {"post-local", "10 steps are local, and a round has 11", "--scale"});
  late.settings[0].flags.back() = "post-local:H=2,from={half}";
  expect_error([&] { survey(late, options, {}); }, {"braces"});
}

}  // namespace
}  // namespace skein::testing
