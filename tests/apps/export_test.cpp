// skein export from outside: what it takes, writes and refuses. tests/oracle/export_check.py reads the files.
#include "comm/process_group.h"
#include "engine/safetensors.h"
#include "tests/support/run_binary.h"
#include "train/run/checkpoint.h"
#include "train/run/run_folder.h"

namespace skein::testing {
namespace {

class Export : public ::testing::Test {
 protected:
  Export() {
    info_.config.model = "resnet8";
    info_.classes = {"cat \"tom\"", "Hündin"};
    info_.height = info_.width = 8;
    info_.channels = 1;
    info_.mean = {0.5f};
    info_.std = {0.25f};
    write_file(dir_ / "run/config.toml", "");
  }
  void write(const std::string& folder) const {
    ParameterStore p;
    make_model("resnet8", info_.model_options(), p);
    p.build(Device::cpu, 1);
    ProcessGroup group;
    write_checkpoint(group, folder, info_, p, {}, {});
  }
  std::string path(const std::string& name) const { return (dir_ / name).string(); }
  ProgramOutput run(const std::string& flags) const { return skein("export " + path("run") + " " + flags); }

  TempDir dir_;
  ModelInfo info_;
};

TEST_F(Export, TakesTheBestCheckpointOfARun) {
  write(last_folder(path("run")));
  const ProgramOutput torch = run("--out " + path("net.safetensors"));
  EXPECT_EQ(torch.status, 0) << torch.err;
  expect_parts(torch.out, {"took     " + last_folder(path("run")), "resnet8"});
  write(best_folder(path("run")));
  const ProgramOutput onnx = run("--to onnx --fold-batch-norm --out " + path("net.onnx"));
  EXPECT_EQ(onnx.status, 0) << onnx.err;
  expect_parts(onnx.out, {"took     " + best_folder(path("run")), "operator set 17", "22 nodes, 9 batch norms folded\n"});
  const auto file = SafetensorsFile::open(path("net.safetensors"));
  EXPECT_EQ(file->meta("classes"), R"(["cat \"tom\"","Hündin"])");
  EXPECT_EQ(file->meta("mean"), "[0.5]");
  EXPECT_EQ(file->meta("std"), "[0.25]");
  EXPECT_EQ(file->meta("height"), "8");
  expect_parts(read_file(path("net.onnx")), {R"(["cat \"tom\"","Hündin"])", "grey values / 255", "layer3.0.conv2"});
}

TEST_F(Export, RefusesARunWithoutCheckpoint) {
  expect_failure(run("--to onnx --out " + path("net.onnx")), 2, {path("run"), "no checkpoint yet"});
  EXPECT_FALSE(std::filesystem::exists(path("net.onnx")));
}

TEST_F(Export, WritesOverNothingUnlessAsked) {
  write(best_folder(path("run")));
  const std::string file = path("net.onnx");
  write_file(file, "mine");
  expect_failure(run("--to onnx --out " + file), 2, {file, "exists already", "--force"});
  EXPECT_EQ(read_file(file), "mine");
  EXPECT_EQ(run("--to onnx --force --out " + file).status, 0);
  EXPECT_GT(read_file(file).size(), 300000u);
  expect_failure(run("--out " + path("run")), 2, {"is a folder"});
  expect_failure(run("--out " + path("none/net.onnx")), 2, {"there is no folder", "none"});
  expect_failure(run("--fold-batch-norm --out " + path("new")), 2, {"--fold-batch-norm", "--to onnx"});
  expect_failure(run("--to tflite --out " + path("new")), 2, {"--to", "onnx"});
}

}  // namespace
}  // namespace skein::testing
