// skein data import: packs images into one file that loads at memory speed (FILE.skein: decoded, all of one size), or
// into a folder of shards (JPEG files of any size, for ImageNet). skein data info: describes a dataset.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "apps/commands.h"
#include "base/check.h"
#include "base/files.h"
#include "base/formats/json.h"
#include "base/stopwatch.h"
#include "base/terminal/output_lock.h"
#include "base/terminal/printable.h"
#include "data/formats/formats.h"
#include "data/formats/image_import.h"
#include "data/formats/shards.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

struct ImportFlags {
  std::string dir, out;
  std::vector<float> mean, std;
  DatasetOptions options;  // resize, val_split and val_seed
  int64_t short_side = 0, quality = 90, shard_mb = 512, val_seed = 0;
  bool force = false, test_on_train = false;
};

struct InfoFlags {
  std::string name;
  DatasetOptions options;
  bool json = false, verify = false;
};

constexpr size_t kListed = 10;  // classes and bad images that are listed by name

void print_classes(const std::vector<std::string>& classes) {
  const auto end = classes.begin() + std::ptrdiff_t(std::min(classes.size(), kListed));
  fmt::print("classes  {}: {}{}\n", classes.size(), fmt::join(classes.begin(), end, ", "),
             classes.size() > kListed ? ", ..." : "");
}

void print_notes(const std::vector<std::string>& notes) {
  for (const std::string& line : notes) fmt::print("{}\n", line);
}

// Whether the test set is the training images.
bool tests_on_training_files(const Splits& s) {
  return s.train.is_encoded() && &s.train.encoded() == &s.test.encoded();
}

void print_summary(const Splits& s) {
  const Dataset& d = s.train;
  print_notes(s.notes);
  print_classes(d.classes);
  if (const auto* shards = d.is_encoded() ? dynamic_cast<const ShardedImages*>(&d.encoded()) : nullptr)
    fmt::print("train    {} image files in {} shards, {:.1f} MB; batches are {} x {} x {}\n", d.size(),
               shards->shard_boundaries.size() - 1, double(shards->bytes()) / 1e6, d.height(), d.width(), d.channels());
  else
    fmt::print("train    {} images of {} x {} x {}\n", d.size(), d.height(), d.width(), d.channels());
  fmt::print("test     {}\n", tests_on_training_files(s) ? std::string("on the training images")
                                                         : fmt::format("{} images", s.test.size()));
  fmt::print("mean     {:.4f}\n", fmt::join(d.mean, d.mean + d.channels(), ", "));
  fmt::print("std      {:.4f}\n", fmt::join(d.std, d.std + d.channels(), ", "));
}

bool wants_shards(const ImportFlags& flags) { return fs::path(flags.out).extension() != ".skein"; }

// Right to write the result. BadInput if the folder around it is absent.
OutputLock lock_output(const ImportFlags& flags, const std::string& out) {
  const fs::path folder = fs::path(out).parent_path();
  if (!folder.empty() && !fs::is_directory(folder))
    throw BadInput("--out {}: there is no folder {}. Make it first", flags.out, folder.string());
  return OutputLock(out);
}

// BadInput if something is there that --force may not replace. Called before minutes of decoding.
void check_output(const ImportFlags& flags, const std::string& out) {
  const bool shards = wants_shards(flags);
  if (!fs::exists(out) || (shards && fs::is_directory(out) && fs::is_empty(out))) return;
  if (!shards && fs::is_directory(out))
    throw BadInput("--out {}: is a folder. Give the name of a file, FILE.skein", flags.out);
  if (shards ? !is_shard_folder(out) : !is_packed(out))
    throw BadInput(
        "--out {}: exists and is no dataset of `skein data import`, so it is never replaced. Give another name",
        flags.out);
  if (const std::string other = shards ? foreign_file(out) : std::string(); !other.empty())
    throw BadInput("--out {}: has files beside the shards, such as {}, so it is never replaced. Give another name",
                   flags.out, printable(other));
  if (!flags.force) throw BadInput("--out {}: exists already. Give another name, or --force to replace it", flags.out);
  fmt::print("replaces {}\n", out);
}

std::string output_path(const ImportFlags& flags) {
  return fs::path(flags.out + "/").lexically_normal().parent_path().string();
}

void check_constants(const char* flag, const std::vector<float>& values, bool positive, size_t channels) {
  if (values.size() != channels)
    throw BadInput("{}: {} numbers for images of {} channels. Give one per channel, separated by commas", flag,
                   values.size(), channels);
  for (float v : values)
    if (!std::isfinite(v) || (positive && v <= 0))
      throw BadInput("{}: {} is not possible. Give the deviation of pixels scaled to 0..1", flag, v);
}

void set_constants(const char* flag, const std::vector<float>& values, bool positive, Splits& s,
                   float (Dataset::*member)[4]) {
  if (values.empty()) return;
  check_constants(flag, values, positive, size_t(s.train.channels()));
  for (Dataset* d : {&s.train, &s.test}) std::copy(values.begin(), values.end(), d->*member);
}

void import_shards(const ImportFlags& flags) {
  const std::string out = output_path(flags);
  const OutputLock lock = lock_output(flags, out);
  check_output(flags, out);
  const auto begin = Clock::now();
  ImportOptions o;
  o.short_side = flags.short_side;
  o.quality = int(flags.quality);
  o.shard_bytes = flags.shard_mb << 20;
  o.bad_images = flags.options.bad_images;
  o.layout = {flags.options.val_split, flags.options.val_seed, flags.test_on_train};
  if (!flags.mean.empty()) o.mean = flags.mean;
  if (!flags.std.empty()) o.std = flags.std;
  check_constants("--mean", o.mean, false, 3);
  check_constants("--std", o.std, true, 3);
  const ImportReport report = import_images(flags.dir, out, o);
  replace_folder(out + ".partial", out);
  for (size_t i = 0; i < std::min(report.bad.size(), kListed); ++i)
    fmt::print("left out {}: {}\n", printable(report.bad[i].first), report.bad[i].second);
  if (!report.bad.empty()) fmt::print("left out {} bad images\n", report.bad.size());
  print_notes(report.notes);
  print_summary(open_shards(out, DatasetOptions{}.crop, 0));
  if (flags.short_side > 0)
    fmt::print("smaller  {} images, encoded again with quality {}\n", report.encoded_again, flags.quality);
  const double seconds = seconds_since(begin);
  fmt::print("wrote    {} in {:.1f} s ({:.0f} images/s)\n", out, seconds, double(report.train + report.test) / seconds);
}

// BadInput for a flag that acts on the other kind of output only.
void check_kind(const ImportFlags& f) {
  const ImportFlags none;
  const auto refuse = [](bool given, const char* flag, const char* kind, const char* out) {
    if (given) throw BadInput("{}: acts on {} only. Give --out {}, or leave it out", flag, kind, out);
  };
  if (wants_shards(f)) return refuse(f.options.resize != none.options.resize, "--size", "decoded images", "FILE.skein");
  refuse(f.test_on_train, "--test-on-train", "shards", "FOLDER");
  refuse(f.short_side != none.short_side, "--short-side", "shards", "FOLDER");
  refuse(f.quality != none.quality, "--quality", "shards", "FOLDER");
  refuse(f.shard_mb != none.shard_mb, "--shard-mb", "shards", "FOLDER");
}

void import_folder(ImportFlags& flags) {
  flags.options.val_seed = uint64_t(flags.val_seed);
  check_kind(flags);
  if (wants_shards(flags)) return import_shards(flags);
  if (fs::is_regular_file(flags.dir))
    throw BadInput("{}: is a file. Give --out FOLDER to import an archive into shards, or unpack it", flags.dir);
  const std::string out = output_path(flags);
  const OutputLock lock = lock_output(flags, out);
  check_output(flags, out);
  const auto begin = Clock::now();
  Splits s = open_image_folder(flags.dir, flags.options);
  set_constants("--mean", flags.mean, false, s, &Dataset::mean);
  set_constants("--std", flags.std, true, s, &Dataset::std);
  write_packed(out, s);
  const double seconds = seconds_since(begin);
  print_summary(s);
  fmt::print("wrote    {}, {:.1f} MB, in {:.1f} s ({:.0f} images/s)\n", out, double(fs::file_size(out)) / 1e6, seconds,
             double(s.train.size() + s.test.size()) / seconds);
}

// Reads and decodes everything.
void verify(const Splits& s) {
  const int64_t bad = count_bad_images(s.train) + (tests_on_training_files(s) ? 0 : count_bad_images(s.test));
  if (bad > 0) throw BadInput("{}: {} images are damaged, as listed. Copy or import it again", s.train.name, bad);
  fmt::print("verified every image\n");
}

void print_info(const InfoFlags& flags) {
  const auto begin = Clock::now();
  const Splits s = open_dataset(flags.name, flags.options);
  const double seconds = seconds_since(begin);
  const Dataset& d = s.train;
  if (!flags.json) {
    fmt::print("dataset  {}\n", d.name);
    print_summary(s);
    fmt::print("opened   in {:.3f} s\n", seconds);
    if (flags.verify) verify(s);
    return;
  }
  const auto per_channel = [&](const float* p) { return std::vector<float>(p, p + d.channels()); };
  const Json line = {{"name", d.name},         {"train", d.size()},           {"test", s.test.size()},
                     {"height", d.height()},   {"width", d.width()},          {"channels", d.channels()},
                     {"classes", d.classes},   {"mean", per_channel(d.mean)}, {"std", per_channel(d.std)},
                     {"open_seconds", seconds}};
  fmt::print("{}\n", line.dump());
}

void add_import(Command& data) {
  auto flags = std::make_shared<ImportFlags>();
  Command& command =
      data.add("import", "Pack DIR/{train,val}/CLASS/* or DIR/CLASS/* into one file, decoded, or into shards");
  command.option("dir", flags->dir, "the image folder; for shards also an archive of one: tar, .tar.gz, .xz, .zst, zip",
                 {.type = "DIR|FILE.tar", .required = true});
  command.option("--out", flags->out, "FILE.skein: images of one size, decoded; a folder: shards of JPEG files",
                 {.type = "FILE.skein|FOLDER", .required = true});
  command.option("--mean", flags->mean, "per channel, of pixels in 0..1 [of the training images; shards: ImageNet's]",
                 {.type = "A,B,C"});
  command.option("--std", flags->std, "per channel, of pixels in 0..1 [of the training images; shards: ImageNet's]",
                 {.type = "A,B,C"});
  command.option("--size", flags->options.resize, "cut the centre square and scale it to N x N; 0: sizes must agree",
                 {"N", 0, 1024});
  command.option("--short-side", flags->short_side, "shards: scale larger images down, once; 0: keep all as they are",
                 {"N", 0, 65500});
  command.option("--quality", flags->quality, "shards: of the JPEG encoding after --short-side", {"Q", 1, 100});
  command.option("--shard-mb", flags->shard_mb, "shards: size of one", {"N", 1, 1 << 20});
  command.option("--bad-images", flags->options.bad_images, "shards: so many may be damaged; they are left out",
                 {"N", 0, 1000000000});
  command.option("--val-split", flags->options.val_split,
                 "there are no test images; take this part of each class of the training images", {"PART", 0, 0.9});
  command.option("--val-seed", flags->val_seed, "of the draw of that part", {"N", 0});
  command.flag("--test-on-train", flags->test_on_train,
               "shards: there are no test images; test on the training images");
  command.flag("--force", flags->force, "replace FILE.skein or the shards if they exist");
  command.body = [flags] { import_folder(*flags); };
}

void add_info(Command& data) {
  auto flags = std::make_shared<InfoFlags>();
  Command& command = data.add("info", "Say what is in a dataset");
  command.option("data", flags->name, "a dataset, a packed file, a folder of shards or of images",
                 {.type = "NAME|FILE.skein|DIR", .required = true});
  command.option("--data-dir", flags->options.dir, "where the files of NAME are [its default place]", {.type = "DIR"});
  command.option("--val-split", flags->options.val_split, "image folders, as for import", {"PART", 0, 0.9});
  command.flag("--json", flags->json, "one line of JSON");
  command.flag("--verify", flags->verify, "shards and ImageNet: read and decode every image");
  command.body = [flags] { print_info(*flags); };
}

}  // namespace

void add_data_command(Command& skein) {
  Command& data = skein.add("data", "Import and inspect datasets");
  data.requires_subcommand = true;
  add_import(data);
  add_info(data);
}

}  // namespace skein
