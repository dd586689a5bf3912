// Checkpoints: the same bits when read back, one complete checkpoint after every failure, and errors that name the
// file.
#include "train/run/checkpoint.h"

#include <sys/stat.h>

#include <cstring>

#include "base/sha256.h"
#include "engine/safetensors.h"
#include "tests/support/run_binary.h"

namespace skein::testing {
namespace {

namespace fs = std::filesystem;

ModelInfo small_info(const std::string& model = "resnet8") {
  ModelInfo info;
  info.config.model = model;
  info.classes = {"cat", "dog \"x\"", "\xc3\xa9"};
  info.height = info.width = 8;
  info.channels = 1;
  info.mean = {0.1f};
  info.std = {0.3f};
  return info;
}

struct Net {
  explicit Net(const ModelInfo& info, uint64_t seed = 1)
      : model(make_model(info.config.model, info.model_options(), store)) {
    store.build(Device::cpu, seed);
    for (size_t i = 0; i < store.segments().size(); ++i)
      for (int64_t j = 0; j < store.segments()[i].count; ++j)
        store.velocity.host()[store.segments()[i].begin + j] = float(seed) * 0.1f + float(j) / 3;
  }
  ParameterStore store;
  std::unique_ptr<Model> model;
};

TrainState small_state() {
  TrainState s{
      37, 3, 7, {0.1 + 0.2, 56, 12, 1.0 / 3}, {41.25, 200.0 / 3, 2}, {40.5, 41.0, 1}, 1e3 / 7, {}, 2, {39.5, 40.25, 3}};
  s.rounds = {5, 6, 7, 1.0 / 3, 0.1, {Traffic{8, 9}, Traffic{10, 11}}, {Traffic{12, 13}, Traffic{14, 15}}, 0.7};
  s.under_way = SyncScope::block;
  return s;
}

class CheckpointTest : public ::testing::Test {
 protected:
  std::string folder() const { return (dir_ / "last").string(); }
  std::string file(const std::string& name) const { return folder() + "/" + name; }
  void write(const Net& net) const {
    ProcessGroup alone;
    write_checkpoint(alone, folder(), {small_info(), net.store, {}, small_state()});
  }
  void load(Net& net) const {
    const Checkpoint c = open_checkpoint(folder());
    load_model(c, net.store);
    load_optimizer(c, net.store);
  }
  TempDir dir_;
};

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.numel() == b.numel() && std::memcmp(a.host(), b.host(), size_t(a.numel()) * sizeof(float)) == 0;
}

TEST_F(CheckpointTest, ComesBackToTheBit) {
  Net a(small_info(), 1), b(small_info(), 2);
  a.store.running_statistics.host()[3] = 0.7f;
  ASSERT_FALSE(same_bits(a.store.value, b.store.value));
  ASSERT_FALSE(same_bits(a.store.velocity, b.store.velocity));
  write(a);
  load(b);
  EXPECT_TRUE(same_bits(a.store.value, b.store.value));
  EXPECT_TRUE(same_bits(a.store.running_statistics, b.store.running_statistics));
  EXPECT_TRUE(same_bits(a.store.velocity, b.store.velocity));

  const Checkpoint c = open_checkpoint(folder());
  const TrainState s = small_state();
  EXPECT_EQ(c.info.config, small_info().config);
  EXPECT_EQ(c.info.classes, small_info().classes);
  EXPECT_EQ(c.info.mean, small_info().mean);
  EXPECT_EQ(c.state.step, s.step);
  EXPECT_EQ(c.state.step_in_epoch, s.step_in_epoch);
  EXPECT_EQ(c.state.totals.loss, s.totals.loss);
  EXPECT_EQ(c.state.totals.correct, s.totals.correct);
  EXPECT_EQ(c.state.averaged.best, s.averaged.best);
  EXPECT_EQ(c.state.local.best_epoch, s.local.best_epoch);
  EXPECT_EQ(c.state.rounds.sent.world.bytes, s.rounds.sent.world.bytes);
  EXPECT_EQ(c.state.rounds.delayed.block.rounds, s.rounds.delayed.block.rounds);
  EXPECT_EQ(c.state.rounds.overlap, s.rounds.overlap);
  EXPECT_EQ(c.state.under_way, s.under_way);
  EXPECT_EQ(c.state.threads_per_worker, 2);
  EXPECT_EQ(c.state.seconds, s.seconds);
}

TEST_F(CheckpointTest, KeepsBothMomentsOfAdamwAndTheNumberOfUpdates) {
  Net a(small_info(), 1), b(small_info(), 2), sgd(small_info(), 3);
  for (Net* net : {&a, &b}) net->store.add_second_moment();
  *a.store.updates.host() = 37;
  for (const Segment& s : a.store.segments()) a.store.second_moment.host()[s.begin] = 0.7f;
  write(a);
  load(b);
  EXPECT_TRUE(same_bits(a.store.second_moment, b.store.second_moment));
  EXPECT_TRUE(same_bits(a.store.velocity, b.store.velocity));
  EXPECT_EQ(*b.store.updates.host(), 37);
  expect_error([&] { load(sgd); }, {file("optimizer.safetensors"), "tensors"});
}

TEST_F(CheckpointTest, HoldsEveryTensorWithItsTrueShape) {
  const Net net(small_info());
  write(net);
  const auto model = SafetensorsFile::open(file("model.safetensors"));
  EXPECT_EQ(model->names().size(), net.store.specs().size() + net.store.running_specs().size());
  EXPECT_EQ(model->at("conv1.weight").shape, (std::vector<int64_t>{16, 3, 3, 1}));
  EXPECT_EQ(model->at("fc.bias").shape, (std::vector<int64_t>{3}));
  EXPECT_EQ(model->at("bn1.running_var").shape, (std::vector<int64_t>{16}));
  EXPECT_EQ(model->meta("model"), "resnet8");
  EXPECT_EQ(model->meta("test_top1"), "41.25");
  EXPECT_EQ(SafetensorsFile::open(file("optimizer.safetensors"))->names().size(), net.store.specs().size());
}

TEST_F(CheckpointTest, ReplacesTheOlderOneWhole) {
  Net a(small_info(), 1), b(small_info(), 2), c(small_info(), 3);
  write(a);
  write(b);
  load(c);
  EXPECT_TRUE(same_bits(b.store.value, c.store.value));
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_.str()), {}), 1) << "something was left beside the checkpoint";
}

TEST_F(CheckpointTest, ALeftoverOfACrashIsNoObstacle) {
  Net a(small_info(), 1), b(small_info(), 2);
  write_file(folder() + ".new/model.safetensors", "half");
  write(a);
  load(b);
  EXPECT_TRUE(same_bits(a.store.value, b.store.value));
}

TEST_F(CheckpointTest, ADivergedModelDoesNotReplaceAGoodOne) {
  Net a(small_info(), 1), b(small_info(), 2);
  write(a);
  Net broken(small_info(), 3);
  broken.store.value.host()[broken.store.segments()[0].begin + 5] = NAN;
  expect_error<RunFailed>([&] { write(broken); }, {folder(), "'conv1.weight' holds nan", "lower --lr"});
  load(b);
  EXPECT_TRUE(same_bits(a.store.value, b.store.value));
}

// A bit that flips in any file, also where the format has no structure to break.
TEST_F(CheckpointTest, AFlippedBitIsNoticedInEveryFile) {
  Net net(small_info());
  write(net);
  EXPECT_TRUE(damage(folder()).empty());
  const Checksums sums = read_checksums(folder());
  ASSERT_EQ(sums.size(), 3u);
  for (const auto& [name, digest] : sums) {
    std::string bytes = read_file(file(name));
    EXPECT_EQ(digest, sha256(bytes));
    bytes[bytes.size() - 3] = char(bytes[bytes.size() - 3] ^ 1);
    write(net);
    write_file(file(name), bytes);
    EXPECT_EQ(damage(folder()).size(), 1u);
    expect_error([&] { load(net); }, {file(name), "another checksum", "Take another checkpoint"});
  }
}

TEST_F(CheckpointTest, FilesOfTwoCheckpointsAreNotOne) {
  Net a(small_info(), 1), b(small_info(), 2);
  write(a);
  const std::string model = read_file(file("model.safetensors"));
  write(b);
  write_file(file("model.safetensors"), model);
  expect_error([&] { load(a); }, {file("model.safetensors"), "another checksum"});
}

TEST_F(CheckpointTest, OlderOnesAreKeptInOrder) {
  Net nets[] = {Net(small_info(), 1), Net(small_info(), 2), Net(small_info(), 3), Net(small_info(), 4)};
  ProcessGroup alone;
  for (Net& net : nets) write_checkpoint(alone, folder(), {small_info(), net.store, {}, small_state()}, 3);
  EXPECT_FALSE(fs::exists(older_folder(folder(), 3)));
  Net loaded(small_info());
  for (int64_t n : {0, 1, 2}) {
    load_model(open_checkpoint(n == 0 ? folder() : older_folder(folder(), n)), loaded.store);
    EXPECT_TRUE(same_bits(loaded.store.value, nets[3 - n].store.value)) << n;
  }
}

// FIPS 180-4, example of one block.
TEST(Sha256, OfAKnownText) {
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_F(CheckpointTest, DamagedFilesAreNamed) {
  Net net(small_info());
  const std::string model = file("model.safetensors"), optimizer = file("optimizer.safetensors");
  for (const std::string& path : {model, optimizer}) {
    write(net);
    fs::resize_file(path, fs::file_size(path) - 10);
    expect_error([&] { load(net); }, {path});
    fs::remove(path);
    expect_error([&] { load(net); }, {path});
  }
  write(net);
  fs::remove(folder() + kChecksumFile);  // as an older version writes it
  write_file(file("progress.json"), read_file(file("progress.json")).substr(0, 40));
  expect_error([&] { load(net); }, {file("progress.json"), "damaged", "Take another checkpoint"});
  write_file(file("progress.json"), "{\"step\": \"three\"}");
  expect_error([&] { load(net); }, {file("progress.json"), "damaged"});
  fs::remove(file("progress.json"));
  expect_error([&] { load(net); }, {file("progress.json"), "No such file"});
  expect_error([&] { open_checkpoint((dir_ / "none").string()); }, {"/none", "no such folder", "RUN/checkpoints/last"});
}

TEST_F(CheckpointTest, AnotherModelIsRefused) {
  write(Net(small_info()));
  Net deeper(small_info("resnet14"));
  expect_error([&] { load(deeper); },
               {file("model.safetensors"), "no tensor 'layer1.1.conv1.weight'", "another model"});

  ModelInfo rgb = small_info();
  rgb.channels = 3;
  Net other(rgb);
  expect_error([&] { load(other); }, {file("model.safetensors"), "'conv1.weight'", "[16,3,3,1]", "[16,3,3,3]"});

  Net deep(small_info("resnet14"));
  ProcessGroup alone;
  write_checkpoint(alone, folder(), {small_info("resnet14"), deep.store, {}, small_state()});
  Net shallow(small_info());
  expect_error([&] { load(shallow); }, {file("model.safetensors"), "tensors, the model has", "another model"});
}

TEST_F(CheckpointTest, WrongTypeIsRefused) {
  Net net(small_info());
  write(net);
  std::vector<int32_t> numbers(16 * 9, 0);
  write_safetensors(file("optimizer.safetensors"),
                    {{"conv1.weight", View{numbers.data(), DType::i32, {16, 3, 3, 1}}, {16, 3, 3, 1}}});
  fs::remove(folder() + kChecksumFile);
  expect_error([&] { load(net); }, {file("optimizer.safetensors"), "'conv1.weight' is I32", "needs F32"});
}

// A limit on the size of files makes a write fail as on a full disk, with another errno.
TEST(CheckpointOnFullDisk, KeepsTheOlderOne) {
  const TempDir dir;
  const std::string run = (dir / "run").string();
  ASSERT_EQ(skein(kSmallRun + " --limit-steps 12 --out " + run).status, 0);
  const std::string before = read_file(run + "/checkpoints/last/model.safetensors");
  ASSERT_GT(before.size(), 200000u);
  const auto full = shell("trap '' XFSZ; ulimit -f 200; " + kSkein + " train --limit-steps 3 --resume " + run);
  expect_failure(full, 1,
                 {run + "/checkpoints/last was not written", "File too large", "free space",
                  "checkpoint of step 12 is kept", "--resume " + run});
  EXPECT_EQ(read_file(run + "/checkpoints/last/model.safetensors"), before);
  EXPECT_FALSE(fs::exists(run + "/checkpoints/last.new"));
  EXPECT_EQ(skein("train --limit-steps 3 --resume " + run).status, 0) << "the run cannot go on";
}

TEST(CheckpointPlace, HasNothingElse) {
  const TempDir dir;
  const std::string place = (dir / "ckpt").string();
  EXPECT_FALSE(check_checkpoint_place(place));
  write_file(place + "/model.safetensors", "old");
  EXPECT_TRUE(check_checkpoint_place(place));
  write_file(place + "/thesis.tex", "years of work");
  expect_error([&] { check_checkpoint_place(place); }, {place, "thesis.tex", "not replaced", "another name"});
  expect_error([&] { check_checkpoint_place(place + "/thesis.tex"); }, {"thesis.tex", "is a file"});
  write_file((dir / "b.new/notes.txt").string(), "mine");
  expect_error([&] { check_checkpoint_place((dir / "b").string()); }, {"b.new", "notes.txt"});
}

}  // namespace
}  // namespace skein::testing
