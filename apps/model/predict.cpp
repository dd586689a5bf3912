// skein predict: classes of image files and their probabilities.
#include <fmt/format.h>

#include <optional>

#include "apps/commands.h"
#include "apps/exit_status.h"
#include "apps/model/inference.h"
#include "base/check.h"
#include "base/files.h"
#include "base/formats/csv.h"
#include "base/formats/json.h"
#include "base/terminal/progress_line.h"
#include "data/formats/folders/find_images.h"
#include "data/loading/file_batch.h"
#include "engine/safetensors.h"
#include "train/evaluation/class_names.h"
#include "train/evaluation/predictions.h"

namespace skein {
namespace {

struct PredictFlags {
  InferenceFlags inference;
  std::vector<std::string> images;
  int64_t top = 5;
  std::string csv, pixels;
  bool force = false;
};

struct Guess {
  int64_t label;
  double probability;
};

struct FilePrediction {
  std::string file, error;    // error: why there are no guesses; empty: there are
  std::vector<Guess> best{};  // the most probable first
};

InputFormat input_format(const ModelInfo& info) {
  InputFormat f{info.preprocessing, info.height, info.width, info.channels};
  std::copy(info.mean.begin(), info.mean.end(), f.mean);
  std::copy(info.std.begin(), info.std.end(), f.std);
  return f;
}

// Pixels of all files, as an exported network reads them: (file,channel,height,width) f32, zero for a file with an
// error.
class PixelFile {
 public:
  PixelFile(const ModelInfo& info, int64_t files)
      : info_(info),
        files_(files),
        pixels_(Tensor::zeros(Device::cpu, DType::f32, {files, info.channels, info.height, info.width})) {}

  // images: (n,H,W,C) with room for more; `first`: number of the first file.
  void add(int64_t first, int64_t n, View images) {
    const int64_t area = info_.height * info_.width, numbers = area * info_.channels;
    const float* from = images.as<const float>();
    float* to = pixels_.host() + first * numbers;
    for (int64_t i = 0; i < n; ++i, from += numbers, to += numbers)
      for (int64_t c = 0; c < info_.channels; ++c)
        for (int64_t p = 0; p < area; ++p) to[c * area + p] = from[p * info_.channels + c];
  }
  void write(const std::string& path, const std::vector<std::string>& files) const {
    auto metadata = model_metadata(info_);
    metadata["files"] = Json(files).dump(-1, Json::BadUtf8::replace);
    write_safetensors(path, {{"images", pixels_, {files_, info_.channels, info_.height, info_.width}}}, metadata);
  }

 private:
  const ModelInfo& info_;
  const int64_t files_;
  const Tensor pixels_;
};

// The files of one batch after another.
class Predictor {
 public:
  Predictor(Inference& inference, int64_t top, int64_t files)
      : inference_(inference),
        top_(top),
        images_(input_format(inference.info()), std::min(inference.batch, files), inference.context.queue,
                inference.images) {}

  // The images of the last call, (n,H,W,C) on the host.
  View pixels() const { return images_.on_host(); }

  std::vector<FilePrediction> predict(std::span<const std::string> files) {
    const auto classes = size_t(inference_.trained.classes());
    const Tensor images = images_.load(files, results_);
    Tape& tape = inference_.context.tape;
    tape.reset();
    std::vector<float> logits(files.size() * classes);
    tape.run(kernel::copy_to_host, inference_.trained.model->forward(tape.input(images))->value,
             static_cast<void*>(logits.data()));
    std::vector<FilePrediction> predictions;
    for (size_t i = 0; i < files.size(); ++i) {
      predictions.push_back({files[i], results_[i].error});
      grey += results_[i].was_grey;
      if (results_[i].error.empty()) add_guesses({logits.data() + i * classes, classes}, predictions.back());
    }
    return predictions;
  }

  int64_t grey = 0;  // images that became RGB

 private:
  void add_guesses(std::span<const float> logits, FilePrediction& to) const {
    const std::vector<double> p = probabilities(logits);
    for (const int64_t c : rank_classes(logits, top_)) to.best.push_back({c, p[size_t(c)]});
    if (to.best.empty()) to.error = "the network's output is not a number. Take another checkpoint";
  }

  Inference& inference_;
  const int64_t top_;
  FileBatch images_;
  std::vector<FileResult> results_;
};

void print_line(const FilePrediction& p, const std::vector<std::string>& classes) {
  std::string line = p.file + " ";
  for (size_t i = 0; i < p.best.size(); ++i)
    line +=
        fmt::format("{} {} {:.2f} %", i > 0 ? "," : "", classes[size_t(p.best[i].label)], 100 * p.best[i].probability);
  fmt::print("{}\n", line);
}

Json to_json(const FilePrediction& p, const std::vector<std::string>& classes) {
  if (!p.error.empty()) return {{"file", p.file}, {"error", p.error}};
  Json best = Json::array();
  for (const Guess& g : p.best)
    best.push_back({{"class", classes[size_t(g.label)]}, {"label", g.label}, {"probability", g.probability}});
  return {{"file", p.file}, {"best", best}};
}

// file,error,class1,probability1,class2,...: a row per file.
std::string to_csv(const std::vector<FilePrediction>& all, const std::vector<std::string>& classes, int64_t top) {
  const auto columns = std::min(size_t(top), classes.size());
  std::string csv = "file,error";
  for (size_t i = 1; i <= columns; ++i) csv += fmt::format(",class{0},probability{0}", i);
  csv += "\n";
  for (const FilePrediction& p : all) {
    csv += csv_field(p.file) + "," + csv_field(p.error);
    for (size_t i = 0; i < columns; ++i)
      csv += i < p.best.size()
                 ? fmt::format(",{},{}", csv_field(classes[size_t(p.best[i].label)]), float(p.best[i].probability))
                 : std::string(",,");
    csv += "\n";
  }
  return csv;
}

void note(const std::string& text) { fmt::print(stderr, "note     {}\n", text); }

void print_notes(const FoundImages& found, const Predictor& predictor, const ModelInfo& info) {
  if (!have_names(info.classes)) note("the checkpoint has no class names; classes are numbers");
  if (found.other_files > 0) note(fmt::format("{} files without an image's extension left out", found.other_files));
  if (predictor.grey > 0) note(fmt::format("{} grey images converted to RGB", predictor.grey));
}

void predict(const PredictFlags& flags) {
  check_new_file("--csv", flags.csv, flags.force);
  check_new_file("--pixels", flags.pixels, flags.force);
  const FoundImages found = find_images(flags.images);
  Inference inference(flags.inference);
  const std::vector<std::string>& classes = inference.info().classes;
  const auto files = int64_t(found.files.size());
  Predictor predictor(inference, flags.top, files);
  std::optional<PixelFile> pixels;
  if (!flags.pixels.empty()) pixels.emplace(inference.info(), files);
  const bool lines = flags.csv.empty() && !flags.inference.json;
  std::vector<FilePrediction> all;
  std::vector<std::string> errors;
  const auto begin = Clock::now();
  {
    ProgressLine progress("predicting", lines ? 0 : files);
    for (int64_t i = 0; i < files; i += inference.batch) {
      const std::span<const std::string> part(found.files.data() + i, size_t(std::min(inference.batch, files - i)));
      for (FilePrediction& p : predictor.predict(part)) {
        if (!p.error.empty()) errors.push_back(p.file + ": " + p.error);
        if (lines && p.error.empty()) print_line(p, classes);
        if (!lines) all.push_back(std::move(p));
      }
      if (pixels) pixels->add(i, int64_t(part.size()), predictor.pixels());
      if (!lines) progress.add(int64_t(part.size()));
      std::fflush(stdout);
    }
  }
  if (!flags.csv.empty()) {
    write_text(flags.csv, to_csv(all, classes, flags.top));
    if (!flags.inference.json) fmt::print("wrote    {}: {} images\n", flags.csv, files - int64_t(errors.size()));
  }
  if (flags.inference.json) {
    Json images = Json::array();
    for (const FilePrediction& p : all) images.push_back(to_json(p, classes));
    const Json line = {{"checkpoint", inference.trained.checkpoint.folder},
                       {"model", inference.info().config.model},
                       {"images", images},
                       {"img_per_s", double(files) / seconds_since(begin)}};
    fmt::print("{}\n", line.dump(-1, Json::BadUtf8::replace));
  }
  if (pixels) {
    pixels->write(flags.pixels, found.files);
    note(fmt::format("wrote {}: the pixels of {} images", flags.pixels, files));
  }
  print_notes(found, predictor, inference.info());
  if (errors.size() == 1) throw BadInput("{}", errors[0]);
  for (const std::string& error : errors) fmt::print(stderr, "skein: {}\n", error);
  if (!errors.empty()) throw BadInput("{} of {} images are not predicted", errors.size(), files);
}

}  // namespace

void add_predict_command(Command& skein) {
  auto flags = std::make_shared<PredictFlags>();
  Command& command = skein.add("predict", "Classes of image files and their probabilities");
  command.option("images", flags->images, "image files, and folders, which are searched for them",
                 {.type = "IMAGE|DIR", .required = true});
  add_inference_options(command, flags->inference);
  command.option("--top", flags->top, "print so many classes, if there are as many", {"K", 1, 1000000});
  command.option("--csv", flags->csv, "write the predictions there instead", {.type = "FILE.csv"});
  command.option("--pixels", flags->pixels,
                 "also write what the network is given, in memory as a whole: images (N,C,H,W), normalised",
                 {.type = "FILE.safetensors"});
  command.flag("--force", flags->force, "replace these files if they exist");
  command.body = [flags, &command] {
    flags->inference.dtype_given = command.is_given("dtype");
    predict(*flags);
  };
}

}  // namespace skein
