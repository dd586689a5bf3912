#include "apps/bench/bench.h"

#include <sys/resource.h>

#include <algorithm>

#include "apps/commands.h"

namespace skein {
namespace {

void add_device(Command& command, DeviceChoice& device) {
  command.option("--device", device, "cpu or cuda", {.choices = {"cpu", "cuda"}});
}

void add_kernels(Command& bench) {
  auto o = std::make_shared<KernelBench>();
  Command& c = bench.add("kernels", "time every kernel against the bandwidth and flops of this machine");
  add_device(c, o->device);
  c.option("--filter", o->filter, "only cases whose name holds this text");
  c.option("--repetitions", o->repetitions, "timed repetitions of each case", {.low = 1});
  c.flag("--all", o->all, "the tests' small and odd shapes as well as the networks'");
  c.flag("--json", o->json, "print one JSON object");
  c.body = [o] { bench_kernels(*o); };
}

void add_step(Command& bench) {
  auto o = std::make_shared<StepBench>();
  Command& c = bench.add("step", "time forward + backward + SGD step on one batch of noise");
  c.option("--model", o->model, "network");
  add_device(c, o->device);
  c.option("--dtype", o->dtype, "on a GPU: f32, tf32 (f32 whose convolutions round products) or bf16 activations");
  c.option("--batch", o->batch, "images");
  c.option("--size", o->size, "height and width of the images; 0: 224 for ImageNet's networks, else 32",
           {"N", 0, 1024});
  c.option("--channels", o->channels, "channels of the images");
  c.option("--classes", o->classes, "0: 1000 for ImageNet's networks, else 10", {"N", 0, 1000000});
  c.option("--steps", o->steps, "timed steps", {.low = 1});
  c.option("--warmup", o->warmup, "steps before the timed ones");
  c.option("--conv", o->conv, "convolution kernels: auto, or one of `skein devices`; on a GPU auto or cudnn");
  c.option("--threads", o->threads, "0: all");
  c.flag("--recompute", o->recompute, "keep no activations within blocks, compute them again");
  c.flag("--profile", o->profile, "time every kernel of the step: tables by op and by layer");
  c.flag("--json", o->json, "print one JSON object");
  c.body = [o] { bench_step(*o); };
}

void add_data(Command& bench) {
  auto o = std::make_shared<DataBench>();
  Command& c = bench.add("data", "time loading and augmentation, without a network");
  c.option("--data", o->data, "data set");
  c.option("--data-dir", o->data_dir, "its folder");
  c.option("--batch", o->batch, "images");
  c.option("--batches", o->batches, "timed batches", {.low = 1});
  c.option("--crop", o->crop, "JPEG images: height and width of what is cut out", {.low = 8, .high = 1024});
  c.option("--decode-threads", o->decode_threads, "JPEG images: 0: as many as the reader does not wait for");
  c.flag("--json", o->json, "print one JSON object");
  list_augmentation(c, o->augmentation);
  c.body = [o] { bench_data(*o); };
}

void add_comm(Command& bench) {
  auto o = std::make_shared<CommBench>();
  Command& c = bench.add("comm", "time averaging between workers");
  c.option("--workers", o->workers, "threads that average", {.low = 1});
  c.option("--elements", o->elements, "f32 numbers of each worker; 0: ResNet-50's, or 100 MB with --mpi");
  c.option("--turns", o->turns, "measurements, by turns of averaging and of what it is compared with", {.low = 1});
  c.flag("--mpi", o->mpi, "under mpirun: the sum in rank order against MPI_Allreduce");
  c.flag("--json", o->json, "print one JSON object");
  c.body = [o] { bench_comm(*o); };
}

void add_workers(Command& bench) {
  auto o = std::make_shared<WorkersBench>();
  Command& c = bench.add("workers", "time K virtual workers against one worker, per image");
  c.option("--model", o->model, "network");
  c.option("--workers", o->workers, "K, averaging every 4 steps", {.low = 2, .high = 4096});
  c.option("--batch", o->batch, "images of a worker's batch", {.low = 1});
  c.option("--steps", o->steps, "steps of every worker in a turn", {.low = 1});
  c.option("--turns", o->turns, "measurements of both, by turns", {.low = 1});
  c.flag("--json", o->json, "print one JSON object");
  c.body = [o] { bench_workers(*o); };
}

}  // namespace

Timing timing_of(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[seconds.size() / 2];
  return {median, seconds.front(), (seconds.back() - seconds.front()) / median};
}

double peak_rss_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return double(usage.ru_maxrss) / 1024.0;
}

void add_bench_command(Command& skein) {
  Command& bench = skein.add("bench", "measure kernels, whole steps, data loading, averaging and workers");
  bench.requires_subcommand = true;
  add_kernels(bench);
  add_step(bench);
  add_data(bench);
  add_comm(bench);
  add_workers(bench);
}

}  // namespace skein
