// The program from outside: exit statuses, messages, signals, and that its parts agree.
#include "apps/exit_status.h"
#include "base/formats/json.h"
#include "kernels/device/runtime.h"
#include "tests/support/run_binary.h"
#include "train/run/checkpoint.h"

namespace skein::testing {
namespace {

Json last_line(const std::string& text) {
  const size_t end = text.find_last_not_of('\n');
  const size_t begin = text.rfind('\n', end);
  return Json::parse(text.substr(begin == std::string::npos ? 0 : begin + 1));
}

std::string last_row(const std::string& csv) {
  const std::string text = read_file(csv);
  return text.substr(text.rfind('\n', text.size() - 2) + 1);
}

TEST(Cli, HelpAndVersion) {
  const ProgramOutput help = skein("train --help");
  EXPECT_EQ(help.status, 0);
  expect_parts(help.out,
               {"Model:", "Data:", "Optimisation:", "Learning rate:", "Run:", "Machine:", "--model NAME [resnet20]",
                "--weight-decay X [0.0001]", "--drops X,Y [0.5,0.75]", "--nesterov,--no-nesterov", "--resume"});
  EXPECT_EQ(skein("--help").status, 0);
  EXPECT_EQ(skein("--version").out.rfind("skein 0.", 0), 0u);
}

TEST(Cli, WrongCommandLinesExitWith2AndOneClearLine) {
  const auto alone = skein("");
  EXPECT_EQ(alone.status, 2);
  EXPECT_NE(alone.out.find("Train a model"), std::string::npos) << alone.out;
  expect_failure(skein("trian"), 2, {"no command 'skein trian'", "Did you mean train?"});
  expect_failure(skein("train --epoch 3"), 2, {"--epoch", "Did you mean --epochs?", "skein train --help"});
  expect_failure(skein("train --epochs three"), 2, {"--epochs", "three"});
  expect_failure(skein("train --lr 0"), 2, {"--lr", "0 is out of range"});
  expect_failure(skein("train --model resnet11 --data synthetic"), 2, {"--model resnet11", "resnet20"});
  expect_failure(skein("train --data nope"), 2, {"'nope'", "fashion-mnist"});
  expect_failure(skein("train --workers 0"), 2, {"--workers", "0 is out of range"});
  if (!cuda::available()) expect_failure(skein("train --device cuda"), 2, {"--device cuda", "--device cpu"});
  expect_failure(skein("train --device cpu --dtype tf32"), 2, {"--dtype tf32", "bf16"});
  expect_failure(skein("train --conv fft"), 2, {"--conv fft", "onednn", "auto"});
  expect_failure(skein("train --config /nonexistent.toml"), 2, {"/nonexistent.toml", "No such file"});
  expect_failure(skein("train --resume /nonexistent"), 2, {"--resume /nonexistent", "no such run folder"});
  expect_failure(skein("eval"), 2, {"--checkpoint"});
  expect_failure(skein("eval --checkpoint /nonexistent"), 2, {"/nonexistent", "no such folder"});
  expect_failure(skein("summary --model vgg"), 2, {"vgg", "resnet20"});
}

TEST(Cli, RunFolderThatCannotBeWritten) {
  expect_failure(skein(kSmallRun + " --out /dev/null/run"), 2, {"/dev/null/run", "Not a directory", "--out"});
  expect_failure(skein(kSmallRun + " --out /proc/run"), 2, {"/proc/run", "--out"});
}

TEST(Cli, ALackOfMemoryNamesWhatNeedsLess) {
  EXPECT_NE(reason_of(std::bad_alloc()).find("smaller --batch"), std::string::npos);
  EXPECT_EQ(reason_of(RunFailed("the disk is full")), "the disk is full");
}

TEST(Cli, ConfigFileThenResumeThenEval) {
  const TempDir dir;
  const std::string run = (dir / "run").string(), toml = (dir / "run.toml").string();
  write_file(toml, "batch = 4\nseed = 5\n");
  const ProgramOutput first = skein(kSmallRun + " --config " + toml + " --limit-steps 13 --out " + run);
  ASSERT_EQ(first.status, 0) << first.err;
  expect_parts(first.out, {"stopped  after step 13", "skein train --resume " + run, "epoch 1/2"});
  expect_parts(read_file(run + "/config.toml"), {"batch = 8", "seed = 5", "lr = 0.05"});
  expect_failure(skein("train --resume " + run + " --lr 5"), 2, {"--lr", "a resumed run keeps its own"});
  expect_failure(skein("train --resume " + run + " --config " + toml), 2, {"--config"});
  expect_failure(skein("train --resume " + run + " --out " + toml), 2, {"--out"});

  const ProgramOutput second = skein("train --resume " + run);
  ASSERT_EQ(second.status, 0) << second.err;
  expect_parts(second.out,
               {"resume   from step 13", "epoch 2/2", "skein eval --checkpoint " + run + "/checkpoints/best"});

  const Json score = last_line(skein("eval --json --checkpoint " + run + "/checkpoints/last").out);
  EXPECT_EQ(score.at("images"), 30);
  expect_parts(last_row(run + "/summary.csv"),
               {fmt::format(",{:.6f},{:.2f},{:.2f},", score.at("loss").get<double>(), score.at("top1").get<double>(),
                            score.at("top5").get<double>())});
  expect_parts(skein("eval --checkpoint " + run).out, {"checkpoints/best", "top-1", "top-5"});
  std::filesystem::remove_all(run + "/checkpoints/best");
  expect_parts(skein("eval --checkpoint " + run).out, {"checkpoints/last"});
  expect_failure(skein("eval --checkpoint " + run + " --data fashion-mnist"), 2,
                 {"fashion-mnist", "1-channel", "--data"});
}

// Two programs, and in between a Ctrl-C at an arbitrary step of a run that is far too long to end before it: as one
// program that nobody disturbed.
TEST(Cli, InterruptedRunGoesOnToTheBit) {
  const TempDir dir;
  const std::string whole = (dir / "whole").string(), run = (dir / "run").string();
  const std::string longer = kSmallRun + " --epochs 1000";
  const ProgramOutput stopped = signalled_after_a_step(kSkein + " " + longer + " --out " + run, run, "INT");
  EXPECT_EQ(stopped.status, 130) << stopped.err;
  expect_parts(stopped.out, {"stopped  after step", "skein train --resume " + run});
  expect_parts(stopped.err, {"once more to kill"});
  const int64_t step = open_checkpoint(run + "/checkpoints/last").state.step, more = 15;
  ASSERT_EQ(skein(fmt::format("train --resume {} --limit-steps {}", run, more)).status, 0);
  ASSERT_EQ(skein(fmt::format("{} --limit-steps {} --out {}", longer, step + more, whole)).status, 0);
  for (const char* file : {"/checkpoints/last/model.safetensors", "/checkpoints/last/optimizer.safetensors"})
    EXPECT_EQ(read_file(whole + file), read_file(run + file)) << file;
}

TEST(Cli, SummaryCountsParametersAndWork) {
  const Json j = last_line(skein("summary --model resnet20 --batch 2 --json").out);
  EXPECT_EQ(j.at("parameters"), 272474);
  EXPECT_EQ(j.at("tensors"), 65);
  // 3x3 stem; 3 stages of 6 convolutions at 16, 32, 64 channels, the first of stages 2 and 3 with half the inputs; two
  // 1x1 projections; the classifier.
  const int64_t same = 1024 * 9 * 16 * 16;
  EXPECT_EQ(j.at("macs"), 1024 * 9 * 3 * 16 + 6 * same + 2 * (5 * same + same / 2) + 2 * (256 * 16 * 32) + 640);
  const auto bytes = [&](int batch) {
    return last_line(skein(fmt::format("summary --model resnet20 --json --batch {}", batch)).out)
        .at("activation_bytes")
        .get<double>();
  };
  EXPECT_NEAR(bytes(8) / bytes(4), 2.0, 0.1);
  expect_parts(skein("summary --model resnet8 --shortcut A --batch 1").out,
               {"conv1", "1x32x32x16", "432", "layer2.0.bn2", "downsample", "fc", "1x1x1x10", "bytes by a step"});
  const Json wide = last_line(skein("summary --model wrn28-10 --batch 128 --json").out);
  EXPECT_EQ(wide.at("parameters"), 36479194);
  EXPECT_GT(wide.at("bytes_moved").get<double>(), 19e9);
  EXPECT_EQ(wide.at("layers").at(0).at("name"), "conv1");
  EXPECT_EQ(wide.at("layers").at(0).at("output"), (std::vector<int64_t>{128, 32, 32, 16}));
  const Json frugal = last_line(skein("summary --model wrn28-10 --batch 128 --recompute --json").out);
  EXPECT_LT(frugal.at("step_bytes").get<double>(), 0.5 * wide.at("step_bytes").get<double>());
}

TEST(Cli, DevicesSaysWhatThereIs) {
  const ProgramOutput devices = skein("devices");
  EXPECT_EQ(devices.status, 0);
  expect_parts(devices.out, {"cpu ", "cores", "onednn", cuda::available() ? "cuda  " : "cuda  absent"});
}

}  // namespace
}  // namespace skein::testing
