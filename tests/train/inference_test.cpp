// A trained model from a run folder or a checkpoint, and what its checkpoint says about images.
#include "train/run/inference.h"

#include "tests/support/encoded_files.h"
#include "tests/support/small_training_run.h"
#include "train/evaluation/predictions.h"
#include "train/run/run_folder.h"

namespace skein::testing {
namespace {

template <class Body>
void expect_bad_input(Body&& body, const std::vector<std::string>& parts) {
  try {
    body();
    ADD_FAILURE() << "no error";
  } catch (const BadInput& e) {
    for (const std::string& part : parts)
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << "no '" << part << "' in: " << e.what();
  }
}

TEST(Inference, RunFolderStandsForItsBestThenItsLastCheckpoint) {
  const TempDir dir;
  const std::string run = dir.str();
  write_file(dir / "config.toml", "");
  expect_bad_input([&] { find_checkpoint(run); }, {run, "no checkpoint yet"});
  fs::create_directories(last_folder(run) + ".old");  // of a save that was interrupted
  EXPECT_EQ(find_checkpoint(run), last_folder(run) + ".old");
  fs::create_directories(last_folder(run));
  EXPECT_EQ(find_checkpoint(run), last_folder(run));
  fs::create_directories(best_folder(run));
  EXPECT_EQ(find_checkpoint(run), best_folder(run));
  EXPECT_EQ(find_checkpoint(last_folder(run)), last_folder(run));
  expect_bad_input([&] { find_checkpoint(run + "/none"); }, {"/none", "no such folder"});
  expect_bad_input([&] { find_checkpoint(run + "/config.toml"); }, {"config.toml", "is a file"});
}

// The metadata of checkpoints, in a folder of JPEG files and in memory.
TEST(Inference, CheckpointKnowsThePreprocessingOfItsData) {
  const TempDir dir;
  write_jpeg_folder(dir / "data", 6, 3);
  DatasetOptions options{.dir = (dir / "data").string(), .crop = 16};
  ProcessGroup group;
  for (const auto& [data, expected] :
       {std::pair{std::string("imagenet"), Preprocessing::centre_crop}, {"synthetic", Preprocessing::centre_square}}) {
    TrainConfig config = small_config();
    config.data = data;
    const ModelInfo info = make_model_info(config, open_dataset(data, options).train);
    ParameterStore parameters;
    make_model(config.model, info.model_options(), parameters);
    parameters.build(Device::cpu, 3);
    const std::string checkpoint = (dir / data).string();
    write_checkpoint(group, checkpoint, {info, parameters, {}, {}});
    const TrainedModel trained(checkpoint);
    EXPECT_EQ(trained.info().preprocessing, expected) << data;
    EXPECT_EQ(trained.info().classes, info.classes);
    EXPECT_EQ(std::memcmp(trained.parameters.value.view().data, parameters.value.view().data,
                          size_t(parameters.value.numel()) * 4),
              0);
  }
}

TEST(Inference, ProbabilitiesOfLargeLogits) {
  const std::vector<float> logits{1000, 1000, -1000};
  EXPECT_EQ(probabilities(logits), (std::vector<double>{0.5, 0.5, 0}));
}

TEST(Inference, RanksEqualLogitsByNumber) {
  EXPECT_EQ(rank_classes(std::vector<float>{1, 3, 3, 2}, 3), (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(rank_classes(std::vector<float>{1, 3}, 5), (std::vector<int64_t>{1, 0}));
  EXPECT_TRUE(rank_classes(std::vector<float>{1, NAN}, 1).empty());
}

}  // namespace
}  // namespace skein::testing
