// skein data import: decode an image folder once into a file that loads at memory speed; skein data info: what is in
// one.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "data/sources.h"
#include "kernels/check.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

struct ImportFlags {
  std::string dir, out;
  std::vector<float> mean, std;
  int64_t size = 0;
  bool force = false;
};

struct InfoFlags {
  std::string name;
  DatasetOptions options;
  bool json = false;
};

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void print_summary(const Splits& s) {
  const Dataset& d = s.train;
  fmt::print("classes  {}: {}\n", d.classes.size(), fmt::join(d.classes, ", "));
  fmt::print("train    {} images of {} x {} x {}\n", d.size(), d.height(), d.width(), d.channels());
  fmt::print("test     {} images\n", s.test.size());
  fmt::print("mean     {:.4f}\n", fmt::join(d.mean, d.mean + d.channels(), ", "));
  fmt::print("std      {:.4f}\n", fmt::join(d.std, d.std + d.channels(), ", "));
}

// Before minutes of decoding: is there a place for the result?
void check_output(const ImportFlags& flags) {
  const fs::path out = flags.out, folder = out.parent_path();
  if (fs::is_directory(out)) throw BadInput("--out {}: is a folder. Give the name of a file, FILE.skein", flags.out);
  if (fs::exists(out) && !flags.force)
    throw BadInput("--out {}: exists already. Give another name, or --force to replace it", flags.out);
  if (!folder.empty() && !fs::is_directory(folder))
    throw BadInput("--out {}: there is no folder {}. Make it first", flags.out, folder.string());
}

void set_constants(const char* flag, const std::vector<float>& values, bool positive, Splits& s,
                   float (Dataset::*member)[4]) {
  if (values.empty()) return;
  if (int64_t(values.size()) != s.train.channels())
    throw BadInput("{}: {} numbers for images of {} channels. Give one per channel, separated by commas", flag,
                   values.size(), s.train.channels());
  for (float v : values)
    if (!std::isfinite(v) || (positive && v <= 0))
      throw BadInput("{}: {} is not possible. Give the deviation of pixels scaled to 0..1", flag, v);
  for (Dataset* d : {&s.train, &s.test}) std::copy(values.begin(), values.end(), d->*member);
}

void import_folder(const ImportFlags& flags) {
  check_output(flags);
  const auto begin = std::chrono::steady_clock::now();
  Splits s = open_image_folder(flags.dir, flags.size);
  set_constants("--mean", flags.mean, false, s, &Dataset::mean);
  set_constants("--std", flags.std, true, s, &Dataset::std);
  write_packed(flags.out, s);
  const double seconds = seconds_since(begin);
  print_summary(s);
  fmt::print("wrote    {}, {:.1f} MB, in {:.1f} s ({:.0f} images/s)\n", flags.out,
             double(fs::file_size(flags.out)) / 1e6, seconds, double(s.train.size() + s.test.size()) / seconds);
}

void print_info(const InfoFlags& flags) {
  const auto begin = std::chrono::steady_clock::now();
  const Splits s = open_dataset(flags.name, flags.options);
  const double seconds = seconds_since(begin);
  const Dataset& d = s.train;
  if (!flags.json) {
    fmt::print("dataset  {}\n", d.name);
    print_summary(s);
    fmt::print("opened   in {:.3f} s\n", seconds);
    return;
  }
  const auto per_channel = [&](const float* p) { return std::vector<float>(p, p + d.channels()); };
  const nlohmann::ordered_json line = {
      {"name", d.name},         {"train", d.size()},           {"test", s.test.size()},
      {"height", d.height()},   {"width", d.width()},          {"channels", d.channels()},
      {"classes", d.classes},   {"mean", per_channel(d.mean)}, {"std", per_channel(d.std)},
      {"open_seconds", seconds}};
  fmt::print("{}\n", line.dump());
}

void add_import(CLI::App& data) {
  auto flags = std::make_shared<ImportFlags>();
  CLI::App* app = data.add_subcommand("import", "Pack DIR/{train,test}/CLASS/*.{jpg,jpeg,png} into one file");
  app->add_option("dir", flags->dir, "the image folder")->required()->type_name("DIR");
  app->add_option("--out", flags->out, "the file to write")->required()->type_name("FILE.skein");
  app->add_option("--mean", flags->mean, "per channel, of pixels in 0..1 [that of the training images]")
      ->delimiter(',')
      ->type_name("A,B,C");
  app->add_option("--std", flags->std, "per channel, of pixels in 0..1 [that of the training images]")
      ->delimiter(',')
      ->type_name("A,B,C");
  app->add_option("--size", flags->size, "cut the centre square and scale it to N x N [0: sizes must agree]")
      ->check(CLI::Range(0, 1024))
      ->type_name("N");
  app->add_flag("--force", flags->force, "replace FILE.skein if it exists");
  app->callback([flags] { import_folder(*flags); });
}

void add_info(CLI::App& data) {
  auto flags = std::make_shared<InfoFlags>();
  CLI::App* app = data.add_subcommand("info", "Say what is in a dataset");
  app->add_option("data", flags->name, "a dataset, a packed file or an image folder")
      ->required()
      ->type_name("NAME|FILE.skein|DIR");
  app->add_option("--data-dir", flags->options.dir, "where the files of NAME are [its default place]")
      ->type_name("DIR");
  app->add_flag("--json", flags->json, "one line of JSON");
  app->callback([flags] { print_info(*flags); });
}

}  // namespace

void add_data_command(CLI::App& app) {
  CLI::App* data = app.add_subcommand("data", "Import and inspect datasets");
  data->require_subcommand(1);
  add_import(*data);
  add_info(*data);
}

}  // namespace skein
