// skein geometry: how curved the training loss is around checkpoints, and the loss between them.
#include <fmt/chrono.h>
#include <fmt/ranges.h>

#include <ctime>

#include "apps/commands.h"
#include "apps/model/checkpoint_surface.h"
#include "apps/model/geometry_report.h"
#include "apps/model/inference.h"
#include "apps/page/page.h"
#include "base/check.h"
#include "base/files.h"
#include "base/stopwatch.h"
#include "base/terminal/progress_line.h"
#include "train/machine/version.h"

namespace skein {
namespace {

struct GeometryFlags {
  std::vector<std::string> checkpoints;
  std::string data, data_dir;
  InferenceMachine machine;
  LossSample sample;
  LanczosOptions lanczos;
  int64_t seed = 0, trace = 8, line = 0, plane = 0;
  double step = 1, beyond = 0.5, extent = 1;
  bool test = false, json = false, force = false;
  std::string csv, html;
};

std::string page_of(const GeometryReport& report) {
  const auto now = std::time(nullptr);
  return make_page({{"title", "geometry"},
                    {"version", version()},
                    {"made", fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(now))},
                    {"live", false},
                    {"runs", Json::array()},
                    {"geometry", json_of(report)}},
                   false);
}

void check_flags(const GeometryFlags& flags) {
  check_new_file("--csv", flags.csv, flags.force);
  check_new_file("--html", flags.html, flags.force);
  if (!flags.html.empty()) page_of({});  // before the work: a program without d3 refuses
  if (flags.trace == 1)
    throw BadInput(
        "--trace 1: an estimate has a standard error from 2 random vectors on. Give more, or 0 for no trace");
  if (flags.line == 1 || flags.plane == 1)
    throw BadInput("{} 1: has no two ends. Give at least 2", flags.line == 1 ? "--line" : "--plane");
  if (flags.line > 0 && flags.checkpoints.size() != 2)
    throw BadInput("--line: lies between two checkpoints, and {} {} given. Give two", flags.checkpoints.size(),
                   flags.checkpoints.size() == 1 ? "is" : "are");
  if (flags.test && flags.line == 0) throw BadInput("--test: is of the line. Give --line N as well, or leave it out");
}

// BadInput unless a line can be drawn between two checkpoints.
void check_same_network(const Checkpoint& a, const Checkpoint& b) {
  const auto refuse = [&](const char* what, const std::string& of_a, const std::string& of_b) {
    throw BadInput("--line: {} has the {} {}, {} has {}. Give two checkpoints of one network and one dataset", a.folder,
                   what, of_a, b.folder, of_b);
  };
  const auto need_same = [&](const char* what, const auto& x, const auto& y) {
    if (x != y) refuse(what, fmt::format("{}", x), fmt::format("{}", y));
  };
  need_same("model", a.info.config.model, b.info.config.model);
  need_same("shortcut", to_string(a.info.config.shortcut), to_string(b.info.config.shortcut));
  need_same("channels", a.info.channels, b.info.channels);
  need_same("classes", fmt::format("{}", fmt::join(a.info.classes, ", ")),
            fmt::format("{}", fmt::join(b.info.classes, ", ")));
  need_same("mean of its pixels", fmt::format("{}", fmt::join(a.info.mean, ", ")),
            fmt::format("{}", fmt::join(b.info.mean, ", ")));
  need_same("deviation of its pixels", fmt::format("{}", fmt::join(a.info.std, ", ")),
            fmt::format("{}", fmt::join(b.info.std, ", ")));
}

// Passes over the sample that the work on a checkpoint takes at most.
int64_t passes(const GeometryFlags& f) {
  const int64_t products = (f.lanczos.count > 0 ? f.lanczos.max_steps + 2 : 0) + f.trace;
  return 1 + 2 * products + f.plane * f.plane;
}

CheckpointGeometry measure(const GeometryFlags& flags, CheckpointSurface& at) {
  CheckpointGeometry c;
  c.checkpoint = at.checkpoint().folder;
  c.model = at.info().config.model;
  c.epoch = at.checkpoint().state.epoch;
  c.train = at.surface().evaluate();
  Hessian hessian(at.surface());
  const auto begin = Clock::now();
  if (flags.lanczos.count > 0)
    c.eigenvalues = largest_eigenvalues(hessian, {flags.lanczos, flags.sample.seed, flags.step});
  if (flags.trace > 0) c.trace = trace(hessian, flags.trace, flags.sample.seed, flags.step);
  if (hessian.products() > 0) c.product_seconds = seconds_since(begin) / double(hessian.products());
  if (flags.plane > 0) c.plane = losses_on_plane(at.surface(), flags.plane, flags.extent, flags.sample.seed);
  return c;
}

std::vector<LinePoint> measure_line(const GeometryFlags& flags, const TrainConfig& of_data, StepContext& context) {
  const std::vector<double> places = line_places(flags.line, flags.beyond);
  ProgressLine progress("line", int64_t(places.size()) * flags.sample.images);
  CheckpointSurface first(flags.checkpoints[0], of_data, flags.sample, context,
                          [&](int64_t images) { progress.add(images); });
  const std::vector<float> a = first.surface().parameters();
  const Checkpoint second = open_checkpoint(find_checkpoint(flags.checkpoints[1]));
  load_model(second, first.surface().store());
  std::unique_ptr<Loader> test;
  if (flags.test)
    test = make_loader(first.data().test, evaluation_options(first.info().config.eval_batch), context.queue);
  return losses_on_line(first.surface(), a, first.surface().parameters(), places, test.get(), context);
}

void geometry(const GeometryFlags& flags) {
  check_flags(flags);
  std::vector<Checkpoint> checkpoints;
  for (const std::string& name : flags.checkpoints) checkpoints.push_back(open_checkpoint(find_checkpoint(name)));
  if (flags.line > 0) check_same_network(checkpoints[0], checkpoints[1]);
  const Device device = prepare_machine(flags.machine);
  use_convolutions_of(checkpoints[0], device, ComputeType::f32);
  StepContext context(device);
  const TrainConfig of_data = with_data(checkpoints[0].info.config, flags.data, flags.data_dir);
  GeometryReport report;
  report.sample = flags.sample;
  report.probes = flags.trace;
  for (const std::string& name : flags.checkpoints) {
    ProgressLine progress(name, passes(flags) * flags.sample.images);
    CheckpointSurface at(name, of_data, flags.sample, context, [&](int64_t images) { progress.add(images); });
    report.data = at.data().train.name;
    report.checkpoints.push_back(measure(flags, at));
  }
  if (flags.line > 0) report.line = measure_line(flags, of_data, context);
  if (!flags.csv.empty()) write_text(flags.csv, csv_of(report));
  if (!flags.html.empty()) write_text(flags.html, page_of(report));
  if (flags.json)
    fmt::print("{}\n", json_of(report).dump(-1, Json::BadUtf8::replace));
  else
    fmt::print("{}", text_of(report));
}

constexpr const char* kFooter =
    "\n"
    "The loss is the mean cross-entropy over training images that --seed chooses, without weight decay, smoothing,\n"
    "augmentation or dropout, in f32. Batch norms normalise by the statistics of each batch, as in training. Products\n"
    "of the Hessian and a vector are differences of gradients: `step error` is what the eigenvalue changes by with "
    "twice\n"
    "the step. `residual`: an eigenvalue lies at most that far from the value.\n"
    "\n"
    "  skein geometry runs/a runs/b                                 eigenvalue and trace at the best checkpoints\n"
    "  skein geometry runs/a/checkpoints/last --eigenvalues 5 --trace 0\n"
    "  skein geometry runs/a runs/b --eigenvalues 0 --trace 0 --line 25 --test --csv line.csv\n";

void declare(Command& command, GeometryFlags& f) {
  command.option("checkpoints", f.checkpoints, "checkpoints, or run folders, whose best ones are taken",
                 {.type = "RUN|CKPT ...", .required = true});
  command.option("--data", f.data, "another dataset with the same classes [that of the first checkpoint's training]",
                 {.type = "NAME|FILE|DIR"});
  command.option("--data-dir", f.data_dir, "where its files are [as in training]", {.type = "DIR"});
  command.option("--images", f.sample.images, "training images, the same for every checkpoint", {"N", 1, 1e9});
  command.option("--batch", f.sample.batch, "images per batch; batch norms depend on it", {"N", 1, 1e9});
  command.option("--seed", f.seed, "of the choice of images and of random vectors", {"N", 0});
  command.option("--eigenvalues", f.lanczos.count, "largest eigenvalues of the Hessian; 0: none", {"N", 0, 100});
  command.option("--tolerance", f.lanczos.tolerance, "largest residual, as a part of the largest eigenvalue",
                 {"X", 1e-6, 1});
  command.option("--steps", f.lanczos.max_steps,
                 "of Lanczos at most, each with a product; what has not converged is shown so", {"N", 1, 1000});
  command.option("--trace", f.trace, "random vectors that estimate the trace of the Hessian; 0: no trace",
                 {"N", 0, 1e6});
  command.option("--step", f.step, "multiplies the step of the differences", {"X", 1e-6, 1e3});
  command.option("--line", f.line, "losses at N places on the line through two checkpoints; 0: none", {"N", 0, 1e6});
  command.option("--beyond", f.beyond, "how far the line goes beyond both, in units of their distance", {"X", 0, 100});
  command.flag("--test", f.test, "test images on the line too, with running statistics computed anew at each place");
  command.option("--plane", f.plane,
                 "losses on N x N places of a plane of two random filter-normalised directions; 0: none",
                 {"N", 0, 1000});
  command.option("--extent", f.extent, "half the side of the plane, in lengths of the filters", {"X", 1e-6, 100});
  command.option("--csv", f.csv, "write all numbers", {.type = "FILE.csv"});
  command.option("--html", f.html, "write a page with a table, curves and maps, which needs no network",
                 {.type = "FILE.html"});
  command.flag("--force", f.force, "replace these files if they exist");
  command.flag("--json", f.json, "one line of JSON");
  command.option("--threads", f.machine.threads, "OpenMP threads; 0: one per core", {"N", 0, 4096});
  command.option("--device", f.machine.device, "auto: a GPU where there is one; cpu; cuda");
}

}  // namespace

void add_geometry_command(Command& skein) {
  auto flags = std::make_shared<GeometryFlags>();
  Command& command = skein.add("geometry", "Curvature of the training loss at checkpoints, and the loss between them");
  declare(command, *flags);
  command.footer = kFooter;
  command.body = [flags] {
    flags->sample.seed = uint64_t(flags->seed);
    geometry(*flags);
  };
}

}  // namespace skein
