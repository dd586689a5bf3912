// skein eval: loss and accuracy of a checkpoint on a test set, as a whole and by class.
#include <fmt/format.h>

#include "apps/commands.h"
#include "apps/model/class_report.h"
#include "apps/model/inference.h"
#include "base/files.h"
#include "base/formats/json.h"
#include "base/terminal/progress_line.h"
#include "train/evaluation/evaluation.h"

namespace skein {
namespace {

constexpr size_t kListed = 20;  // classes that are listed by name

struct EvalFlags {
  InferenceFlags inference;
  std::string data, data_dir, predictions, confusion;
  bool force = false;
};

struct Evaluation {
  Score score;
  std::vector<Prediction> predictions;
  double seconds = 0;
};

Evaluation evaluate_all(Inference& inference, const Dataset& test) {
  Evaluation e;
  Predictions predictions;
  ProgressLine progress("evaluating", test.size());
  const auto batches =
      make_loader(test, evaluation_options(inference.batch), inference.context.queue, inference.images);
  const auto begin = Clock::now();
  e.score = evaluate(*inference.trained.model, *batches, inference.context.tape,
                     [&](const Batch& batch, const Tensor& logits) {
                       predictions.add(batch, logits, inference.context.queue);
                       progress.add(batch.size);
                     });
  e.seconds = seconds_since(begin);
  e.predictions = std::move(predictions.all);
  return e;
}

void print_json(const Inference& inference, const Dataset& test, const Evaluation& e) {
  const std::vector<ClassScore> scores = score_classes(e.predictions, test.classes.size());
  Json classes = Json::array();
  for (size_t c = 0; c < scores.size(); ++c)
    classes.push_back({{"name", test.classes[c]}, {"images", scores[c].images}, {"top1", scores[c].top1()}});
  const Json line = {{"checkpoint", inference.trained.checkpoint.folder},
                     {"model", inference.info().config.model},
                     {"epoch", inference.trained.checkpoint.state.epoch},
                     {"data", test.name},
                     {"images", test.size()},
                     {"loss", e.score.loss},
                     {"top1", e.score.top1},
                     {"top5", e.score.top5},
                     {"img_per_s", double(test.size()) / e.seconds},
                     {"classes", classes}};
  fmt::print("{}\n", line.dump(-1, Json::BadUtf8::replace));
}

void print_classes(const Dataset& test, const Evaluation& e) {
  const std::vector<ClassScore> scores = score_classes(e.predictions, test.classes.size());
  const size_t shown = std::min(scores.size(), kListed);
  size_t width = 5;
  for (size_t c = 0; c < shown; ++c) width = std::max(width, test.classes[c].size());
  fmt::print("\n{:<{}}  images     top-1\n", "class", width);
  for (size_t c = 0; c < shown; ++c)
    fmt::print("{:<{}}  {:>6}  {}\n", test.classes[c], width, scores[c].images,
               scores[c].images > 0 ? fmt::format("{:>6.2f} %", scores[c].top1()) : "       -");
  if (shown < scores.size())
    fmt::print("... and {} more: --json and --confusion have all {}\n", scores.size() - shown, scores.size());
}

void print_text(const Inference& inference, const Dataset& test, const Evaluation& e) {
  fmt::print("checkpoint {} (epoch {})\n", inference.trained.checkpoint.folder,
             inference.trained.checkpoint.state.epoch);
  fmt::print("model      {}, {} parameters\n", inference.info().config.model, inference.trained.parameters.count());
  fmt::print("data       {}, {} test images, {:.0f} img/s\n", test.name, test.size(), double(test.size()) / e.seconds);
  fmt::print("loss       {:.6f}\n", e.score.loss);
  fmt::print("top-1      {:.2f} %\n", e.score.top1);
  fmt::print("top-5      {:.2f} %\n", e.score.top5);
  print_classes(test, e);
}

void eval(const EvalFlags& flags) {
  check_new_file("--predictions", flags.predictions, flags.force);
  check_new_file("--confusion", flags.confusion, flags.force);
  Inference inference(flags.inference);
  Dataset test = open_data(with_data(inference.info().config, flags.data, flags.data_dir), inference.info()).test;
  if (inference.device == Device::cuda) make_resident(test);
  const Evaluation e = evaluate_all(inference, test);
  if (!flags.predictions.empty()) write_text(flags.predictions, predictions_csv(test, e.predictions));
  if (!flags.confusion.empty()) write_text(flags.confusion, confusion_csv(test.classes, e.predictions));
  if (flags.inference.json) return print_json(inference, test, e);
  print_text(inference, test, e);
  for (const std::string& file : {flags.predictions, flags.confusion})
    if (!file.empty()) fmt::print("wrote      {}\n", file);
}

}  // namespace

void add_eval_command(Command& skein) {
  auto flags = std::make_shared<EvalFlags>();
  Command& command = skein.add("eval", "Loss and accuracy of a checkpoint on a test set");
  add_inference_options(command, flags->inference);
  command.option("--data", flags->data, "another dataset with the same classes [the one it was trained on]",
                 {.type = "NAME|FILE|DIR"});
  command.option("--data-dir", flags->data_dir, "where its files are [as in training]", {.type = "DIR"});
  command.option("--predictions", flags->predictions, "write each image's true and predicted class and its probability",
                 {.type = "FILE.csv"});
  command.option("--confusion", flags->confusion, "write how many images of each class were predicted as which",
                 {.type = "FILE.csv"});
  command.flag("--force", flags->force, "replace these files if they exist");
  command.body = [flags, &command] {
    flags->inference.dtype_given = command.is_given("dtype");
    eval(*flags);
  };
}

}  // namespace skein
