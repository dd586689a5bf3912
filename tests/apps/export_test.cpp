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
    write_checkpoint(group, folder, {info_, p, {}, {}});
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
  expect_parts(onnx.out,
               {"took     " + best_folder(path("run")), "operator set 17", "22 nodes, 9 batch norms folded\n"});
  const auto file = SafetensorsFile::open(path("net.safetensors"));
  EXPECT_EQ(file->meta("classes"), R"(["cat \"tom\"","Hündin"])");
  EXPECT_EQ(file->meta("mean"), "[0.5]");
  EXPECT_EQ(file->meta("std"), "[0.25]");
  EXPECT_EQ(file->meta("height"), "8");
  expect_parts(read_file(path("net.onnx")), {R"(["cat \"tom\"","Hündin"])", "grey values / 255", "layer3.0.conv2"});
}

TEST_F(Export, WritesMeasuredTimesIntoTheNodes) {
  write(best_folder(path("run")));
  write_file(path("bench.json"), R"({"flags":{"model":"resnet8"},"layers":[
    {"layer":"layer2.0.conv1","forward_ms":1.5,"backward_ms":2.5},
    {"layer":"layer3.0.bn2/global average pool","forward_ms":0.5,"backward_ms":0.25},
    {"layer":"optimizer","forward_ms":0,"backward_ms":0.125}]})");
  const ProgramOutput bench = run("--to onnx --profile " + path("bench.json") + " --out " + path("bench.onnx"));
  EXPECT_EQ(bench.status, 0) << bench.err;
  expect_parts(read_file(path("bench.onnx")), {"forward 1.5 ms, backward 2.5 ms", "forward 0.5 ms, backward 0.25 ms",
                                               "profile_elsewhere_ms", "0.125"});
  const std::string measured = path("measured.json");
  EXPECT_EQ(skein("bench step --model resnet8 --batch 2 --size 8 --steps 1 --profile --json > " + measured).status, 0);
  EXPECT_EQ(run("--to onnx --profile " + measured + " --out " + path("measured.onnx")).status, 0);
  expect_parts(read_file(path("measured.onnx")), {"ms, backward"});
  // Two steps on rank 0, in microseconds; what rank 1 and an evaluation take does not count.
  const std::string kernel =
      R"({"ph":"X","cat":"kernel","name":"conv_forward","pid":%,"dur":3000,"args":{"layer":"conv1","pass":"@"}},)";
  const auto event = [&](char rank, const std::string& pass) {
    std::string e = kernel;
    e.replace(e.find('%'), 1, 1, rank);
    return e.replace(e.find('@'), 1, pass);
  };
  write_file(path("trace.json"), "{\"traceEvents\":[" + event('0', "forward") + event('0', "forward") +
                                     event('1', "forward") + event('0', "evaluation") +
                                     R"({"ph":"M"}],"otherData":{"model":"resnet8","steps":"3:4"}})");
  EXPECT_EQ(shell("gzip " + path("trace.json")).status, 0);
  EXPECT_EQ(run("--to onnx --profile " + path("trace.json.gz") + " --out " + path("trace.onnx")).status, 0);
  expect_parts(read_file(path("trace.onnx")), {"forward 3 ms, backward 0 ms"});
}

TEST_F(Export, NamesAProfileThatIsNone) {
  write(best_folder(path("run")));
  const auto refused = [&](const std::string& text, const std::vector<std::string>& parts) {
    write_file(path("p.json"), text);
    expect_failure(run("--to onnx --out " + path("net.onnx") + " --profile " + path("p.json")), 2, parts);
  };
  refused("", {"--profile", "bench step --profile"});
  refused(R"({"flags":{"model":"resnet8"}})", {"--profile", "layers"});
  refused(R"({"flags":{"model":"resnet8"},"layers":[]})", {"no times of kernels"});
  refused(R"({"traceEvents":[],"otherData":{"model":"resnet8","steps":"4"}})", {"steps '4'"});
  refused(R"({"flags":{"model":"resnet20"},"layers":[{"layer":"conv1","forward_ms":1,"backward_ms":1}]})",
          {"resnet20", "resnet8"});
  expect_failure(run("--out " + path("net.safetensors") + " --profile x"), 2, {"--profile x", "--to onnx"});
  expect_failure(run("--to onnx --out " + path("net.onnx") + " --profile /no"), 2, {"/no", "cannot be opened"});
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
