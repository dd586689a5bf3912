#include "apps/bench.h"

#include <sys/resource.h>

#include <algorithm>

#include "apps/commands.h"

namespace skein {
namespace {

void add_device(CLI::App& command, std::string& device) {
  command.add_option("--device", device, "cpu or cuda")->capture_default_str()->check(CLI::IsMember({"cpu", "cuda"}));
}

void add_kernels(CLI::App& bench) {
  auto o = std::make_shared<KernelBench>();
  CLI::App* c = bench.add_subcommand("kernels", "time every kernel against the bandwidth and flops of this machine");
  add_device(*c, o->device);
  c->add_option("--filter", o->filter, "only cases whose name holds this text");
  c->add_option("--repetitions", o->repetitions, "timed repetitions of each case")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  c->add_flag("--all", o->all, "the tests' small and odd shapes as well as the networks'");
  c->add_flag("--json", o->json, "print one JSON object");
  c->callback([o] { bench_kernels(*o); });
}

void add_step(CLI::App& bench) {
  auto o = std::make_shared<StepBench>();
  CLI::App* c = bench.add_subcommand("step", "time forward + backward + SGD step on one batch of noise");
  c->add_option("--model", o->model, "network")->capture_default_str();
  add_device(*c, o->device);
  c->add_option("--dtype", o->dtype, "of activations on a GPU: f32 or bf16")
      ->capture_default_str()
      ->check(CLI::IsMember({"f32", "bf16"}));
  c->add_option("--batch", o->batch, "images")->capture_default_str();
  c->add_option("--size", o->size, "height and width of the images")->capture_default_str();
  c->add_option("--channels", o->channels, "channels of the images")->capture_default_str();
  c->add_option("--classes", o->classes, "classes")->capture_default_str();
  c->add_option("--steps", o->steps, "timed steps")->capture_default_str()->check(CLI::PositiveNumber);
  c->add_option("--warmup", o->warmup, "steps before the timed ones")->capture_default_str();
  c->add_option("--conv", o->conv, "convolution kernels: auto, or one of `skein devices`")->capture_default_str();
  c->add_option("--threads", o->threads, "0: all")->capture_default_str();
  c->add_flag("--recompute", o->recompute, "keep no activations within blocks, compute them again");
  c->add_flag("--json", o->json, "print one JSON object");
  c->callback([o] { bench_step(*o); });
}

void add_data(CLI::App& bench) {
  auto o = std::make_shared<DataBench>();
  CLI::App* c = bench.add_subcommand("data", "time loading and augmentation, without a network");
  c->add_option("--data", o->data, "data set")->capture_default_str();
  c->add_option("--data-dir", o->data_dir, "its folder");
  c->add_option("--batch", o->batch, "images")->capture_default_str();
  c->add_option("--batches", o->batches, "timed batches")->capture_default_str()->check(CLI::PositiveNumber);
  c->add_option("--crop", o->crop, "JPEG images: height and width of what is cut out")
      ->capture_default_str()
      ->check(CLI::Range(8, 1024));
  c->add_option("--decode-threads", o->decode_threads, "JPEG images: 0: as many as the reader does not wait for");
  c->add_flag("--json", o->json, "print one JSON object");
  c->callback([o] { bench_data(*o); });
}

void add_comm(CLI::App& bench) {
  auto o = std::make_shared<CommBench>();
  CLI::App* c = bench.add_subcommand("comm", "time averaging between workers");
  c->add_option("--workers", o->workers, "threads that average")->capture_default_str()->check(CLI::PositiveNumber);
  c->add_option("--elements", o->elements, "f32 numbers of each worker; 0: ResNet-50's, or 100 MB with --mpi");
  c->add_option("--turns", o->turns, "measurements, by turns of averaging and of what it is compared with")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  c->add_flag("--mpi", o->mpi, "under mpirun: the sum in rank order against MPI_Allreduce");
  c->add_flag("--json", o->json, "print one JSON object");
  c->callback([o] { bench_comm(*o); });
}

void add_workers(CLI::App& bench) {
  auto o = std::make_shared<WorkersBench>();
  CLI::App* c = bench.add_subcommand("workers", "time K virtual workers against one worker, per image");
  c->add_option("--model", o->model, "network")->capture_default_str();
  c->add_option("--workers", o->workers, "K, averaging every 4 steps")
      ->capture_default_str()
      ->check(CLI::Range(2, 4096));
  c->add_option("--batch", o->batch, "images of a worker's batch")->capture_default_str()->check(CLI::PositiveNumber);
  c->add_option("--steps", o->steps, "steps of every worker in a turn")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  c->add_option("--turns", o->turns, "measurements of both, by turns")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  c->add_flag("--json", o->json, "print one JSON object");
  c->callback([o] { bench_workers(*o); });
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

void add_bench_command(CLI::App& app) {
  CLI::App* bench = app.add_subcommand("bench", "measure kernels, whole steps, data loading, averaging and workers");
  bench->require_subcommand(1);
  add_kernels(*bench);
  add_step(*bench);
  add_data(*bench);
  add_comm(*bench);
  add_workers(*bench);
}

}  // namespace skein
